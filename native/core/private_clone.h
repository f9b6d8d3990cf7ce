// A directory as overlayfs sees a layer: in a private clone of its mount, without what is mounted
// below it.
#ifndef OVL_CORE_PRIVATE_CLONE_H_
#define OVL_CORE_PRIVATE_CLONE_H_

#include <mutex>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Opens the directory in such a clone, for reading. Where we may not make one, in its own mount: a
// path can be walked from either, and meeting a mount below is an error then (EXDEV).
Result<UniqueFd> OpenInPrivateClone(int dir);

// The same made when it is first wanted, and once: the end of a clone waits for every processor
// (synchronize_rcu_expedited), which is most of what it costs. Any thread may ask.
class PrivateClone {
 public:
  Result<int> Of(int dir);

 private:
  std::mutex mutex_;
  UniqueFd fd_;
};

}  // namespace ovl

#endif  // OVL_CORE_PRIVATE_CLONE_H_
