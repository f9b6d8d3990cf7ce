// Where one renamed file came from, by asking the kernel: the mark says which lower file it was,
// the kernel knows a name of that, and whether that name is gone can be looked up. A survey of the
// whole upper (rename_survey.h) is left for what cannot be answered so.
#ifndef OVL_CORE_ORIGIN_SEARCH_H_
#define OVL_CORE_ORIGIN_SEARCH_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/layer_filesystems.h"
#include "core/layers.h"
#include "core/merged_frame.h"
#include "core/origin.h"
#include "core/result.h"

namespace ovl {

// Belongs to one thread.
class OriginSearch {
 public:
  OriginSearch(const Layers& layers, bool expand);

  // The path before, empty where there is none: what RenameSurvey would find. Nothing where only
  // that can tell: without CAP_DAC_READ_SEARCH, with several lowers or names, where the kernel has
  // not met the name yet, and after any failure, which the survey then meets again.
  std::optional<std::string> Find(const Origin& origin);

 private:
  Result<std::optional<std::string>> Ask(const Origin& origin);
  // The path of a lower file from the root of the lower; empty where the kernel does not say.
  Result<std::string> PathOf(int file);
  Result<std::optional<std::string>> FindAt(const std::string& path, const struct stat& lower);
  // The directory at that path. False where the survey would not get there.
  Result<bool> Enter(std::string_view path);
  Result<bool> EnterBelow(std::string_view name);

  const Layers& layers_;
  LayerFilesystems filesystems_;
  WalkScope scope_;
  std::string lower_path_;  // as the kernel shows it
  std::string at_;          // path of the directory entered last
  std::unique_ptr<MergedDirectory> directory_;
};

}  // namespace ovl

#endif  // OVL_CORE_ORIGIN_SEARCH_H_
