// The descendants of a process, by /proc. Raw system calls only, for a process that shares the
// memory of another one (sandbox_supervisor.h).
#ifndef OVL_CORE_DESCENDANTS_H_
#define OVL_CORE_DESCENDANTS_H_

#include <sys/types.h>

#include <cstddef>

namespace ovl {

// Room for one getdents64(2).
struct ProcessNames {
  alignas(8) char bytes[8192];
};

// Sends a signal to every process below `root`, but not to that one. `proc`: an open /proc. What
// ends and what is started meanwhile may be missed: who wants all of them gone calls it again until
// there are no children. False where /proc cannot be read.
bool SignalDescendants(int proc, pid_t root, int signal, ProcessNames& names);

}  // namespace ovl

#endif  // OVL_CORE_DESCENDANTS_H_
