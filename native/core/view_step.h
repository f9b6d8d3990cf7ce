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
  kAttach,
  kEnterDirectory,
  kEnter,
  kIsolate,
  kPidNamespace,
  kSupervise,
  kCapabilities,
  kReport,
  kClone,
  kStdioFlags,
  kStdio,
  kChdir,
  kExecute,
};

// Why a program that is there may not be executed (EACCES).
enum class ExecDenial : uint8_t {
  kUnknown,
  kUnreachable,  // a directory on the way
  kDirectory,
  kNoFile,  // a device, a socket, a pipe
  kMode,    // nobody may
  kNoexec,  // nobody may, on this mount
  kUser,    // others may
  kInterpreter,
};

// Written by a child that shares our memory, and read when it is gone or has become the program.
struct ViewFault {
  ViewStep failed = ViewStep::kNone;
  int err = 0;
  size_t mount = SIZE_MAX;      // of kCopy to kIsolate: which of the mounts, or none of them
  const char* call = "";        // of kIsolate and kReport: the system call
  const char* on = "";          // of kIsolate: what it was called on, beside the mount
  bool program_exists = false;  // though execve said ENOENT: its interpreter does not
  ExecDenial denial = ExecDenial::kUnknown;

  bool Did(ViewStep step, bool good) {
    if (good) return true;
    failed = step;
    err = errno;
    return false;
  }

  bool DidCall(const char* its_call, const char* its_path, bool good) {
    if (good) return true;
    call = its_call;
    on = its_path;
    return Did(ViewStep::kIsolate, false);
  }
};

}  // namespace ovl

#endif  // OVL_CORE_VIEW_STEP_H_
