// Where renamed files came from. The upper records a copied-up file's origin by its handle, not by
// its path; the path is found among the names that the upper changes. Two walks of their own, the
// second only where the first met a file that came from elsewhere, so that memory follows the
// number of renamed files.
#ifndef OVL_CORE_RENAME_SURVEY_H_
#define OVL_CORE_RENAME_SURVEY_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/layer_filesystems.h"
#include "core/merged_walk.h"
#include "core/origin.h"
#include "core/result.h"
#include "core/work_slice.h"

namespace ovl {

// Where a file in the upper was copied up from, if it says so and it was another name.
Result<std::optional<Origin>> ForeignOrigin(const Layers& layers, const Sides& sides);

class Renames {
 public:
  // The path before; empty where it is not known.
  std::string Find(const Origin& origin) const;

 private:
  friend class RenameSurvey;
  std::map<Origin, std::string> paths_;
};

class RenameSurvey {
 public:
  RenameSurvey(const Layers& layers, bool expand);

  // Goes on until the slice is over; false when everything has been seen.
  Result<bool> Next(const WorkSlice& slice);
  Renames Take() { return std::move(renames_); }

 private:
  Status Begin();
  Status Want(const Sides& sides);
  Status Offer(const Sides& sides);

  const Layers& layers_;
  LayerFilesystems filesystems_;
  bool expand_;
  bool offering_ = false;  // in the second walk
  std::unique_ptr<MergedWalk> walk_;
  Renames renames_;
};

}  // namespace ovl

#endif  // OVL_CORE_RENAME_SURVEY_H_
