// The process between us and a program in a sandbox: whatever the program leaves running becomes
// its child, and is ended by it.
//
// It shares our memory, so that starting one copies nothing and needs no second binary, and the
// thread that cloned it sleeps for as long as it lives: it uses that thread's stack guard and
// errno. Raw system calls on what was prepared, no allocation, no locks: it may be killed at any
// moment, and outlive everything else of us.
#ifndef OVL_CORE_SANDBOX_SUPERVISOR_H_
#define OVL_CORE_SANDBOX_SUPERVISOR_H_

#include <sys/types.h>

#include <cstddef>

#include "core/descendants.h"
#include "core/program_child.h"
#include "core/view_mounts.h"
#include "core/view_step.h"

namespace ovl {

// What it says to us through its socket, a message each.
struct SupervisorReport {
  enum Kind : int { kStarted = 1, kNotStarted = 2, kEnded = 3 };
  int kind = 0;
  int pid = 0;     // kStarted
  int code = 0;    // kEnded: of its own exit
  int signal = 0;  // kEnded: the one that ended it, or 0
};

struct Supervisor {
  ViewMounts view;
  const ProgramChild* program = nullptr;
  void* program_stack = nullptr;  // its top: for the program, until it is executed
  void* first_stack = nullptr;    // its top: for the supervisor itself
  bool pid_namespace = false;
  pid_t first = 0;  // once it was started: the supervisor, as the caller sees it
  pid_t parent = 0;
  int socket = -1;      // SOCK_SEQPACKET; answered once after kStarted, and its end is ours
  int peer = -1;        // our end of it, of which the supervisor has a copy
  int proc = -1;        // /proc; -1: the one that is mounted in the view
  int* kept = nullptr;  // descriptors that stay open until everything has ended
  size_t kept_count = 0;
  int grace = 0;  // milliseconds between SIGTERM and SIGKILL

  ViewFault fault;  // after kNotStarted
  ProcessNames names;
};

// It runs until the program and all its descendants have ended. When the program has, the others
// get SIGTERM, and after `grace` SIGKILL; when we have, or have closed our end of the socket, the
// program as well. The caller, who has every signal blocked, has to wait for `first` at once: what
// it works with is the caller's. 0, or an error number of clone(2).
int StartSupervisor(Supervisor& supervisor);

// A function for CloneSharingMemory; the argument is a Supervisor. The same, but it is the first
// process of a pid namespace: when it ends the kernel kills whatever is left there, so nothing gets
// away from it even if it is killed itself. It is made by a process that ends at once, because only
// who has joined the user namespace may make it, and a thread cannot join. It is a child of the
// caller, who has to wait for `first`, unless that is 0. `view` has a kViewProc.
int StartInPidNamespace(void* supervisor);

}  // namespace ovl

#endif  // OVL_CORE_SANDBOX_SUPERVISOR_H_
