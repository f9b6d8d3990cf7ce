// A directory as overlayfs sees a layer: in a private clone of its mount, without what is mounted
// below it.
#ifndef OVL_CORE_PRIVATE_CLONE_H_
#define OVL_CORE_PRIVATE_CLONE_H_

#include <memory>
#include <mutex>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Keeps a clone in the mount namespace that it was made in, which is all its own. Without that the
// kernel counts the users of the clone, processor by processor and under the lock of all mounts,
// whenever one of its paths is let go of (mntput_no_expire): the more of either, the longer.
class AttachedClone;
using AttachedClonePtr = std::shared_ptr<const AttachedClone>;

// Opens the directory in such a clone, for reading. Where we may not make one, in its own mount: a
// path can be walked from either, and meeting a mount below is an error then (EXDEV).
struct DirectoryInClone {
  UniqueFd fd;
  AttachedClonePtr clone;  // null where it is not, or no longer, attached
};
Result<DirectoryInClone> OpenInPrivateClone(int dir);

// The same made when it is first wanted, and once: the end of a clone waits for every processor
// (synchronize_rcu_expedited), which is most of what it costs. Any thread may ask.
class PrivateClone {
 public:
  struct Made {
    int fd;
    AttachedClonePtr clone;
  };
  Result<Made> Of(int dir);

 private:
  std::mutex mutex_;
  DirectoryInClone made_;
};

}  // namespace ovl

#endif  // OVL_CORE_PRIVATE_CLONE_H_
