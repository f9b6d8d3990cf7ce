// Mounts as descriptors: open_tree(2), move_mount(2), mount_setattr(2).
#ifndef OVL_CORE_SYS_MOUNT_TREE_H_
#define OVL_CORE_SYS_MOUNT_TREE_H_

#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// <linux/mount.h>; see fsmount(2) and mount_setattr(2).
inline constexpr uint64_t kAttrReadOnly = 0x1;
inline constexpr uint64_t kAttrNosuid = 0x2;
inline constexpr uint64_t kAttrNodev = 0x4;
inline constexpr uint64_t kAttrNoexec = 0x8;
inline constexpr uint64_t kAttrAtimeMask = 0x70;
inline constexpr uint64_t kAttrNoatime = 0x10;
inline constexpr uint64_t kAttrStrictatime = 0x20;
inline constexpr uint64_t kAttrNodiratime = 0x80;
inline constexpr uint64_t kAttrIdmap = 0x100000;
inline constexpr uint64_t kAttrNosymfollow = 0x200000;

// open_tree(dir, path, flags | OPEN_TREE_CLOEXEC).
Result<UniqueFd> OpenTree(int dir, const std::string& path, uint32_t flags);

// open_tree(fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH): a detached copy of one mount, without the
// mounts below it. Linux 5.2.
Result<UniqueFd> OpenTreeClone(int fd);

// move_mount(from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH): puts a mount
// that is open on a directory that is open. Linux 5.2. `dest` names the place in a failure.
// `beneath`: below what is mounted there now (MOVE_MOUNT_BENEATH, Linux 6.5).
Status MoveMount(int from, int to, bool beneath, const std::string& dest);

// move_mount(2) as it is.
Status MoveMountAt(int from_dir, const std::string& from, int to_dir, const std::string& to,
                   uint32_t flags);

// mount_setattr(2). Linux 5.12. `propagation` is one of MS_PRIVATE, MS_SHARED, MS_SLAVE,
// MS_UNBINDABLE, or 0 to leave it.
struct MountAttributeChange {
  uint64_t set = 0;
  uint64_t clear = 0;
  uint64_t propagation = 0;
  uint64_t userns_fd = 0;
};
Status MountSetattr(int dir, const std::string& path, uint32_t flags,
                    const MountAttributeChange& change);

// open_tree_attr(dir, path, flags | OPEN_TREE_CLOEXEC, change): both in one. Linux 6.15.
Result<UniqueFd> OpenTreeAttr(int dir, const std::string& path, uint32_t flags,
                              const MountAttributeChange& change);

// Whether open_tree, move_mount, fsopen and mount_setattr (Linux 5.12) are there and may be called:
// asked for what no kernel can do, they say EINVAL; a kernel without them says ENOSYS, a sandbox's
// seccomp profile ENOSYS or EPERM. False as well without the privilege to mount. Costs four short
// calls and is not kept: a filter may be laid over a thread at any time.
bool HaveMountCalls();

// Whether move_mount knows MOVE_MOUNT_BENEATH (Linux 6.5). Only where HaveMountCalls().
bool HaveMoveBeneath();

}  // namespace ovl

#endif  // OVL_CORE_SYS_MOUNT_TREE_H_
