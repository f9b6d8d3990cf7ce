// System calls on mounts, one function each.
#ifndef OVL_CORE_SYS_MOUNT_H_
#define OVL_CORE_SYS_MOUNT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/result.h"

namespace ovl {

// More data than this the kernel would cut (see Mount).
inline constexpr size_t kMaxMountData = 4095;

struct MountArgs {
  std::optional<std::string> source;
  std::string target;
  std::optional<std::string> fstype;
  uint64_t flags = 0;
  std::optional<std::string> data;
};

// mount(2). Data of 4096 bytes and more is refused with E2BIG: the kernel would cut it at 4095 and
// go by what is left, so that a "workdir=/a/b" can become "workdir=/a".
Status Mount(const MountArgs& args);

// umount2(2).
Status Umount(const std::string& target, int flags);

// Which mount a descriptor is on.
struct MountIdentity {
  dev_t device = 0;     // of the filesystem; of a subvolume's own where it has one (btrfs)
  uint64_t id = 0;      // unique for as long as the system runs, if `unique`
  bool unique = false;  // Linux 6.8; before that an id is used again after an unmount
  bool root = false;    // the descriptor is the root of the mount (Linux 5.8)
};

// statx(2) with STATX_MNT_ID_UNIQUE, else STATX_MNT_ID (Linux 5.8).
Result<MountIdentity> IdentifyMount(int fd);

// The id that /proc/self/mountinfo has for the mount a descriptor is on (STATX_MNT_ID).
Result<uint64_t> TableMountId(int fd);

}  // namespace ovl

#endif  // OVL_CORE_SYS_MOUNT_H_
