// Locks that end with their holder: flock(2).
#ifndef OVL_CORE_SYS_LOCK_H_
#define OVL_CORE_SYS_LOCK_H_

#include <cstdint>

#include "core/result.h"

namespace ovl {

// flock(fd, LOCK_EX | LOCK_NB). False where somebody else has it. The lock belongs to the open file
// description: to this descriptor and its duplicates, not to the process.
Result<bool> TryLock(int fd);

// flock(fd, LOCK_UN).
Status Unlock(int fd);

// The process that has an open file locked with flock(2), from /proc/locks (proc_locks(5)). 0 where
// nobody has it, or nobody that our pid namespace can see.
uint64_t LockHolder(int fd);

}  // namespace ovl

#endif  // OVL_CORE_SYS_LOCK_H_
