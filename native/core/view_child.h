// What the child does between its clone and the program: it shares our memory, so raw system calls
// only, and everything they need was made before.
#ifndef OVL_CORE_VIEW_CHILD_H_
#define OVL_CORE_VIEW_CHILD_H_

#include <array>
#include <cstdint>

namespace ovl {

enum class ViewStep : uint8_t {
  kNone,  // the program runs
  kJoin,
  kUnshare,
  kCopy,
  kPropagation,
  kAttach,
  kStdio,
  kChdir,
  kExecute,
};

struct ViewChild {
  int mount = -1;
  int user_namespace = -1;  // -1: the overlay was mounted in the caller's
  const char* at = nullptr;
  const char* cwd = nullptr;
  std::array<int, 3> stdio{};
  const char* const* candidates = nullptr;  // ends with a null pointer, as the next two
  char* const* argv = nullptr;
  char* const* env = nullptr;

  // Read by the parent when the child is gone or has become the program.
  ViewStep failed = ViewStep::kNone;
  int err = 0;
  bool program_exists = false;  // though execve said ENOENT: its interpreter does not
};

// A function for CloneSharingMemory; the argument is a ViewChild.
int RunViewChild(void* child);

}  // namespace ovl

#endif  // OVL_CORE_VIEW_CHILD_H_
