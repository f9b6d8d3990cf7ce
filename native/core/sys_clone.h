// A child that shares our memory until it executes a program or ends: clone(2), without a copy of a
// heap that may be big.
#ifndef OVL_CORE_SYS_CLONE_H_
#define OVL_CORE_SYS_CLONE_H_

#include <sys/types.h>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

struct ClonedChild {
  pid_t pid = -1;
  UniqueFd pidfd;
};

// clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD | flags) on a stack of its own. Linux 5.2. The calling
// thread is suspended until the child executes a program or ends; the other threads run on, so
// `run` may make raw system calls only: no allocation, no locks. `flags` has the signal its end
// sends.
//
// The child begins with every signal blocked: it has copies of our handlers, which must not run in
// it, and it has to make the signals ordinary before it executes anything.
Result<ClonedChild> CloneSharingMemory(int flags, int (*run)(void*), void* argument);

}  // namespace ovl

#endif  // OVL_CORE_SYS_CLONE_H_
