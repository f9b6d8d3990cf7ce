// The mount namespaces that can be seen: our own, then that of one process of every other one that
// /proc shows and lets us look into. What cannot be seen is said in upper_search.h.
#ifndef OVL_CORE_MOUNT_VIEWS_H_
#define OVL_CORE_MOUNT_VIEWS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/mount_entry.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// One mount namespace, through the eyes of one process in it.
struct MountView {
  std::string process;  // empty: we ourselves
  uint64_t mount_namespace = 0;
};

// Until a visit says true, which is then the answer.
Result<bool> VisitMountViews(
    const std::function<bool(const MountView&, const std::vector<MountEntry>&)>& visit);

// The root directory that the paths of a view begin at.
class ViewRoot {
 public:
  // ENOENT and the like where the process has ended.
  static Result<ViewRoot> Open(const MountView& view);
  // open(2) with O_PATH of a path in it, following links.
  Result<UniqueFd> OpenPlace(const std::string& path) const;

 private:
  UniqueFd fd_;  // none: our own
};

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_VIEWS_H_
