#include "core/sys_clone.h"

#include <sched.h>
#include <sys/mman.h>

#include "core/signals_held.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#ifdef __SANITIZE_THREAD__
// The C library's own: the sanitizer's clone takes the child for one with a copy of the memory, and
// strikes all other threads from the books of ours.
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument, ...);
#define clone __clone
#endif

namespace ovl {

namespace {

constexpr size_t kStackSize = 64 * 1024;
constexpr size_t kGuardSize = 64 * 1024;  // a page of the largest page size in use

class Stack {
 public:
  Stack()
      : base_(::mmap(nullptr, kGuardSize + kStackSize, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    if (base_ == MAP_FAILED) return;
#ifdef __SANITIZE_ADDRESS__
    // The marks of functions that never returned, since the child became a program in them. Who
    // gets this memory next would be taken to use theirs.
    __asan_unpoison_memory_region(base_, kGuardSize + kStackSize);
#endif
    (void)::munmap(base_, kGuardSize + kStackSize);  // fails only for what is no mapping
  }

  // What lies below stays without access: an overflow must not write into our heap.
  Status Open() {
    if (base_ == MAP_FAILED) return Errno("mmap");
    char* const bottom = static_cast<char*>(base_) + kGuardSize;
    if (::mprotect(bottom, kStackSize, PROT_READ | PROT_WRITE) != 0) return Errno("mprotect");
    return Done{};
  }
  void* top() const { return static_cast<char*>(base_) + kGuardSize + kStackSize; }

 private:
  void* base_;
};

}  // namespace

Result<ClonedChild> CloneSharingMemory(int flags, int (*run)(void*), void* argument) {
  Stack stack;
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
