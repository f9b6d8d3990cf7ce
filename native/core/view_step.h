// Which step on the way to a program in a mount namespace of its own has failed.
#ifndef OVL_CORE_VIEW_STEP_H_
#define OVL_CORE_VIEW_STEP_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace ovl {

enum class ViewStep : uint8_t {
  kNone,  // the program runs
  kJoin,
  kUnshare,
  kCopy,
  kPropagation,
  kCarry,
  kEmpty,
  kAttach,
  kEnterDirectory,
  kEnter,
  kSupervise,
  kCapabilities,
  kReport,
  kClone,
  kStdioFlags,
  kStdio,
  kChdir,
  kExecute,
};

// Written by a child that shares our memory, and read when it is gone or has become the program.
struct ViewFault {
  ViewStep failed = ViewStep::kNone;
  int err = 0;
  size_t mount = 0;             // of kCopy to kEnter: which of the mounts
  bool program_exists = false;  // though execve said ENOENT: its interpreter does not

  bool Did(ViewStep step, bool good) {
    if (good) return true;
    failed = step;
    err = errno;
    return false;
  }
};

}  // namespace ovl

#endif  // OVL_CORE_VIEW_STEP_H_
