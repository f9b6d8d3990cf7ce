// What /proc tells of processes (proc(5)). A process may end at any moment: everything is asked for
// relative to an open /proc/<pid>, which never becomes that of another process.
#ifndef OVL_CORE_SYS_PROC_H_
#define OVL_CORE_SYS_PROC_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/result.h"

namespace ovl {

// The processes that the mounted /proc shows: those of its pid namespace, and with hidepid only
// one's own.
Result<std::vector<pid_t>> ListProcesses();

// The whole of a file that has no size.
Result<std::string> ReadProcFile(int dir, const std::string& name);

// A process or a thread, by its file "stat", has no files and no memory: it has ended, or is a
// thread of the kernel. Links of what has ended answer EACCES, as if they were somebody else's.
bool HoldsNothing(int dir, const std::string& stat);

}  // namespace ovl

#endif  // OVL_CORE_SYS_PROC_H_
