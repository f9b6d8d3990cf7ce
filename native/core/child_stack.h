// The stack of a child that shares our memory.
#ifndef OVL_CORE_CHILD_STACK_H_
#define OVL_CORE_CHILD_STACK_H_

#include <sys/mman.h>

#include "core/result.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace ovl {

class ChildStack {
 public:
  ChildStack()
      : base_(::mmap(nullptr, kGuardSize + kStackSize, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack() {
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
  static constexpr size_t kStackSize = 64 * 1024;
  static constexpr size_t kGuardSize = 64 * 1024;  // a page of the largest page size in use

  void* base_;
};

}  // namespace ovl

#endif  // OVL_CORE_CHILD_STACK_H_
