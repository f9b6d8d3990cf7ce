// A mount namespace of its own with overlays attached in it. Raw system calls only, for a child
// that shares our memory: everything they need was made before.
#ifndef OVL_CORE_VIEW_MOUNTS_H_
#define OVL_CORE_VIEW_MOUNTS_H_

#include <cstddef>

#include "core/view_step.h"

namespace ovl {

// Instead of a detached overlay in ViewMount::mount.
inline constexpr int kViewCarried = -1;  // what is mounted at `at` anyhow, without what lies below
inline constexpr int kViewEmpty = -2;    // an empty directory in memory
// None of these is a mount of somebody else's: see view_isolation.h.
inline constexpr int kViewDirectory = -3;  // a directory, in one that is in memory
inline constexpr int kViewHidden = -4;     // nothing of what lies there
inline constexpr int kViewHollow = -5;     // the same, with directories yet to be made in it
inline constexpr int kViewReadOnly = -6;   // what lies there, but read-only
inline constexpr int kViewProc = -7;       // the processes of this pid namespace
inline constexpr int kViewNamed = -8;      // what lies there, which no symbolic link leads to

struct ViewMount {
  int mount = kViewCarried;
  const char* at = nullptr;
  int copy = -1;  // of the child's own; of kViewProc: a descriptor of it
};

struct ViewMounts {
  int user_namespace = -1;  // in which the overlays were mounted; -1: in the caller's
  bool joined = false;      // it was joined already
  bool network = true;      // false: none but a loopback device of its own
  // In the order in which they are attached: who lies inside of another one comes after it. One at
  // the root is the first.
  ViewMount* mounts = nullptr;
  size_t count = 0;
};

bool JoinUserNamespace(const ViewMounts& view, ViewFault& fault);

// Nothing of it is seen outside, and it ends with the last process inside. An overlay at "/"
// becomes the root directory of the calling process.
bool EnterView(const ViewMounts& view, ViewFault& fault);

}  // namespace ovl

#endif  // OVL_CORE_VIEW_MOUNTS_H_
