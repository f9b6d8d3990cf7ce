#include "core/sys_clone.h"

#include <sched.h>

#include "core/child_stack.h"
#include "core/signals_held.h"

#ifdef __SANITIZE_THREAD__
// The C library's own: the sanitizer's clone takes the child for one with a copy of the memory, and
// strikes all other threads from the books of ours.
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument, ...);
#define clone __clone
#endif

namespace ovl {

Result<ClonedChild> CloneSharingMemory(int flags, int (*run)(void*), void* argument) {
  ChildStack stack;
  auto opened = stack.Open();
  if (!opened.ok()) return std::move(opened.failure());
  const SignalsHeld held;
  int pidfd = -1;
  const pid_t pid =
      ::clone(run, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | flags, argument, &pidfd);
  if (pid < 0) {
    const bool limited = errno == EAGAIN;
    Failure failure = Errno("clone");
    if (limited) failure.reason = "process-limit";
    return failure;
  }
  return ClonedChild{pid, UniqueFd(pidfd)};
}

}  // namespace ovl
