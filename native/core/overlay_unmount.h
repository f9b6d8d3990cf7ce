// Unmounting: only what is meant, never by path alone.
#ifndef OVL_CORE_OVERLAY_UNMOUNT_H_
#define OVL_CORE_OVERLAY_UNMOUNT_H_

#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/sys_mount.h"

namespace ovl {

// Both ids of a mount: the one that is never used again, and the one in the mount table.
struct MountIds {
  MountIdentity identity;
  uint64_t table_id = 0;
};

Result<MountIds> IdsOf(int fd);

// Unmounts what is mounted at `target`: an overlay, or anything if `any`.
Status UnmountAt(const std::string& target, int flags, bool any);

// Unmounts one certain mount, which was made at `target`. Done as well if it is gone already; found
// where it was moved to; EBUSY with reason "covered" if another mount lies over it.
Status UnmountExactly(const std::string& target, const MountIds& ids, int flags);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_UNMOUNT_H_
