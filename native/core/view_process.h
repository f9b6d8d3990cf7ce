// A program that sees a detached overlay at a real path.
#ifndef OVL_CORE_VIEW_PROCESS_H_
#define OVL_CORE_VIEW_PROCESS_H_

#include <sys/types.h>

#include <array>
#include <string>

#include "core/program_spec.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Descriptors are borrowed, and texts are bytes.
struct ViewProcessSpec : ProgramSpec {
  int mount = -1;           // the overlay
  int user_namespace = -1;  // in which it was mounted; -1: in the caller's
  std::string at;           // where the program sees it: absolute, an existing directory
};

struct ViewProcess {
  pid_t pid = -1;
  UniqueFd pidfd;
  std::array<UniqueFd, 3> pipes;
};

// Starts a program in a mount namespace of its own: a copy of the caller's, with a copy of the
// overlay's mount attached at `at`. Nothing is mounted for anybody else, and it all ends with the
// last process in there. The overlay itself stays detached; any number of programs may run on it.
//
// Returns once the program has been executed. A failure names the call: "execve" of the program
// (ENOENT, EACCES, ENOEXEC as execvp(3) and posix_spawnp(3) have them), "chdir", or what was needed
// for the view. Signals are as after a login: none ignored, none blocked. Of the descriptors the
// program gets 0, 1 and 2.
//
// The child has to be waited for (WaitPidfd), and its end sends SIGCHLD: libuv then asks for the
// processes that it started itself, one by one, and does not touch this one.
Result<ViewProcess> StartInView(const ViewProcessSpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_VIEW_PROCESS_H_
