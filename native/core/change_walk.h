// Everything an upper layer changes, in order, computed from the layers alone; or everything that
// differs between two plain directories.
#ifndef OVL_CORE_CHANGE_WALK_H_
#define OVL_CORE_CHANGE_WALK_H_

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/compare.h"
#include "core/layers.h"
#include "core/link_index.h"
#include "core/link_survey.h"
#include "core/merged_walk.h"
#include "core/rename_survey.h"
#include "core/result.h"
#include "core/work_slice.h"

namespace ovl {

enum class ChangeKind : uint8_t { kAdded, kModified, kDeleted };

struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  mode_t type = 0;           // S_IFMT bits: of what is there now, or was, if it is deleted
  mode_t previous_type = 0;  // where the type changed
  Aspects aspects = 0;       // of a modification
  bool content_unknown = false;
  bool unknown = false;           // marks that could not be read may say otherwise
  std::string_view path;          // from the root of the overlay; "." for the root itself
  std::string_view renamed_from;  // path before, where the layer says that it was another
};

// Takes the changes of one batch.
class ChangeSink {
 public:
  virtual ~ChangeSink() = default;
  virtual void Add(const Change& change) = 0;
  virtual bool Full() const = 0;
};

struct ChangeOptions {
  ContentMode content = ContentMode::kAuto;
  Aspects ignore = 0;
  bool expand = false;  // list what lay below a removed directory
  PathFilter filter = {};
};

class ChangeWalk {
 public:
  // The walk opens the roots anew: several may go over the same layers at once, in any thread.
  static Result<std::unique_ptr<ChangeWalk>> Open(const Layers& layers, ChangeOptions options);
  ~ChangeWalk();
  ChangeWalk(const ChangeWalk&) = delete;
  ChangeWalk& operator=(const ChangeWalk&) = delete;

  // Goes on until the sink is full or the slice over; false when everything has been seen.
  Result<bool> Next(const WorkSlice& slice, ChangeSink& sink);

  // Of the change that was given last, until Next is called again; after a first one.
  const MergedWalk& walk() const { return *walk_; }
  const MarkReader& marks() const { return layers_.marks; }

 private:
  struct Pending;
  struct Ready;

  ChangeWalk(Layers layers, ChangeOptions options);
  Result<bool> Step(const WorkSlice& slice, ChangeSink& sink);
  Status StepIndex(const WorkSlice& slice);
  Status StepLinkSurvey(const WorkSlice& slice);
  Status StepRenameSurvey(const WorkSlice& slice);
  Status StepContent();
  Status StepReady(ChangeSink& sink);

  Status Compare(const Sides& sides);
  Status CompareFiles(const Sides& sides, Aspects aspects);
  void Emit(const Sides& sides, ChangeKind kind);
  void EmitModified(const Sides& sides, Aspects aspects, bool content_unknown);

  Layers layers_;
  ChangeOptions options_;
  std::unique_ptr<LinkIndexReader> index_reader_;
  LinkIndex index_;
  std::unique_ptr<MergedWalk> walk_;

  std::unique_ptr<Pending> pending_;  // a comparison of content that is under way
  std::unique_ptr<Ready> ready_;      // a change that lacks at most where it came from
  bool compare_again_ = false;        // the entry at hand waits for the survey of the links

  std::unique_ptr<LinkSurvey> link_survey_;  // while they are under way
  std::unique_ptr<RenameSurvey> rename_survey_;
  std::unique_ptr<LinkGroups> links_;  // once they are known
  std::unique_ptr<Renames> renames_;
};

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_WALK_H_
