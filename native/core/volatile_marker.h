// The mark of a mount with the option "volatile": while it lies in the workdir the kernel refuses
// the upper, since it may have lost data in a crash. The kernel never takes it away.
#ifndef OVL_CORE_VOLATILE_MARKER_H_
#define OVL_CORE_VOLATILE_MARKER_H_

#include <string>

#include "core/result.h"

namespace ovl {

// Removes "work/incompat/volatile" of an open workdir; nothing there is no error. To be called when
// the upper is known to be intact: nobody has it mounted, and what was written has been synced.
Status RemoveVolatileMarker(int work, const std::string& work_path);

// Puts it there, as a volatile mount does.
Status PutVolatileMarker(int work, const std::string& work_path);

// Whether it lies there.
Result<bool> HasVolatileMarker(int work, const std::string& work_path);

// syncfs(2) on a descriptor of the upper.
Status SyncFilesystem(int fd, const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_VOLATILE_MARKER_H_
