// A program in a sandbox: in a mount namespace of its own, where it sees overlays in place, and
// with everything that it starts under supervision.
#ifndef OVL_CORE_SANDBOX_PROCESS_H_
#define OVL_CORE_SANDBOX_PROCESS_H_

#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "core/program_spec.h"
#include "core/result.h"
#include "core/sys_pidfd.h"
#include "core/unique_fd.h"
#include "core/view_mounts.h"

namespace ovl {

struct SandboxMount {
  int mount = kViewCarried;  // a detached overlay, kViewCarried or kViewEmpty
  std::string at;            // absolute; one at "/" is the first
};

// Descriptors are borrowed.
struct SandboxSpec : ProgramSpec {
  std::vector<SandboxMount> mounts;  // outer ones before those inside of them
  int user_namespace = -1;           // in which all overlays were mounted; -1: in the caller's
  std::vector<int> kept;             // stay open until everything in the sandbox has ended
  int grace = 0;                     // milliseconds between SIGTERM and SIGKILL
  bool network = true;               // false: none but a loopback device of its own
};

struct SandboxProcess {
  pid_t pid = -1;
  UniqueFd pidfd;
  // Readable when there is something to be told; closing it, or EndSandbox, ends everything in the
  // sandbox.
  UniqueFd reports;
  std::array<UniqueFd, 3> pipes;
};

// Returns once the program has been executed, or with the call that failed, as StartInView does.
//
// The program is a child of a supervisor (sandbox_supervisor.h), and so is whatever it leaves
// running: when the program has ended that gets SIGTERM and, `grace` later, SIGKILL. All of it ends
// when this process does, however that happens. A thread sleeps for as long as the supervisor
// lives.
//
// With a kViewProc among the mounts the supervisor and all of it are in a pid namespace of their
// own.
Result<SandboxProcess> StartInSandbox(SandboxSpec spec);

struct SandboxReport {
  enum class Kind { kNothing, kEnded, kGone } kind = Kind::kNothing;
  ProcessEnd end;  // of kEnded: the program
};

// Never waits. kEnded comes once, unless the supervisor was killed, and kGone last: then no process
// is left in the sandbox, and nothing mounted.
Result<SandboxReport> ReadReport(int reports);

// Ends the program as well, by SIGTERM and SIGKILL. The reports still come.
Status EndSandbox(int reports);

}  // namespace ovl

#endif  // OVL_CORE_SANDBOX_PROCESS_H_
