// Unmounting: only what is meant, never by path alone. Where the kernel says that a mount is busy
// it is tried again for 45 ms: a lookup of a path in it is enough for that answer.
#ifndef OVL_CORE_OVERLAY_UNMOUNT_H_
#define OVL_CORE_OVERLAY_UNMOUNT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sys_mount.h"
#include "core/unmount_plan.h"

namespace ovl {

// Both ids of a mount: the one that is never used again, and the one in the mount table.
struct MountIds {
  MountIdentity identity;
  uint64_t table_id = 0;
};

Result<MountIds> IdsOf(int fd);

// How far an unmounting got.
struct Unmounted {
  std::vector<std::string> places;  // taken off, in this order
  std::optional<Failure> failure;   // why that is not all
  std::vector<MountEntry> rest;     // what is still mounted of what was to go
};

// Unmounts what is mounted at `target`: an overlay, or anything if `scope.any`.
Unmounted UnmountAt(const std::string& target, int flags, const UnmountScope& scope);

// Unmounts the mount that has this id, wherever it is: the unique one (Linux 6.8), or that of the
// mount table, which can be another mount's by now. The kernel gives unique ids from 2^31 on, so
// that they cannot be mixed up.
Unmounted UnmountById(uint64_t id, int flags, const UnmountScope& scope);

// Tries again with what is left. Nothing but those very mounts: if somebody else has taken one off
// meanwhile, what appears in its place is not touched.
Unmounted UnmountRest(std::vector<MountEntry> rest, int flags);

// Unmounts one certain mount, which was made at `target`. Done as well if it is gone already; found
// where it was moved to; EBUSY with reason "covered" if another mount lies over it.
Status UnmountExactly(const std::string& target, const MountIds& ids, int flags);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_UNMOUNT_H_
