// What the kernel says of one mount, and which mounts there are: statmount(2), listmount(2). Linux
// 6.8; what later releases added is missing from an answer, never wrong in it.
#ifndef OVL_CORE_SYS_STATMOUNT_H_
#define OVL_CORE_SYS_STATMOUNT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace ovl {

// <linux/mount.h>, with the release that brought each.
inline constexpr uint64_t kStatmountSbBasic = 0x1;
inline constexpr uint64_t kStatmountMntBasic = 0x2;
inline constexpr uint64_t kStatmountPropagateFrom = 0x4;
inline constexpr uint64_t kStatmountMntRoot = 0x8;
inline constexpr uint64_t kStatmountMntPoint = 0x10;
inline constexpr uint64_t kStatmountFsType = 0x20;
inline constexpr uint64_t kStatmountMntNsId = 0x40;          // 6.11
inline constexpr uint64_t kStatmountMntOpts = 0x80;          // 6.11
inline constexpr uint64_t kStatmountFsSubtype = 0x100;       // 6.13
inline constexpr uint64_t kStatmountSbSource = 0x200;        // 6.13
inline constexpr uint64_t kStatmountOptArray = 0x400;        // 6.13
inline constexpr uint64_t kStatmountOptSecArray = 0x800;     // 6.13
inline constexpr uint64_t kStatmountSupportedMask = 0x1000;  // 6.15
inline constexpr uint64_t kStatmountMntUidmap = 0x2000;      // 6.15
inline constexpr uint64_t kStatmountMntGidmap = 0x4000;      // 6.15

inline constexpr uint64_t kListmountRoot = ~uint64_t{0};  // LSMT_ROOT: the caller's root
inline constexpr uint32_t kListmountReverse = 1;          // 6.11

// struct statmount, with its texts. A field means something where `mask` has its bit; a text that
// is empty has none.
struct MountStat {
  uint64_t mask = 0;
  uint32_t sb_dev_major = 0;
  uint32_t sb_dev_minor = 0;
  uint64_t sb_magic = 0;
  uint32_t sb_flags = 0;
  uint64_t mnt_id = 0;
  uint64_t mnt_parent_id = 0;
  uint32_t mnt_id_old = 0;  // as in mountinfo
  uint32_t mnt_parent_id_old = 0;
  uint64_t mnt_attr = 0;         // MOUNT_ATTR_*
  uint64_t mnt_propagation = 0;  // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE
  uint64_t mnt_peer_group = 0;
  uint64_t mnt_master = 0;
  uint64_t propagate_from = 0;
  uint64_t mnt_ns_id = 0;
  uint64_t supported_mask = 0;
  std::string fs_type;
  std::string fs_subtype;
  std::string mnt_root;   // relative to the root of the filesystem
  std::string mnt_point;  // relative to the caller's root
  std::string mnt_opts;   // of the filesystem, escaped as in mountinfo
  std::string sb_source;
  std::vector<std::string> opt_array;  // of the filesystem, not escaped
  std::vector<std::string> opt_sec_array;
  std::vector<std::string> mnt_uidmap;
  std::vector<std::string> mnt_gidmap;
};

// statmount(2). `id` is a unique one; `mnt_ns_id` 0 is the caller's mount namespace (others: 6.11).
Result<MountStat> Statmount(uint64_t id, uint64_t mask, uint64_t mnt_ns_id);

// listmount(2): the unique ids of at most `max` mounts below `id`, after `last` (0: from the
// first), ascending unless `flags` says otherwise.
struct ListmountQuery {
  uint64_t id = kListmountRoot;
  uint64_t last = 0;
  uint64_t mnt_ns_id = 0;
  uint32_t flags = 0;
  size_t max = 0;
};
Result<std::vector<uint64_t>> Listmount(const ListmountQuery& query);

}  // namespace ovl

#endif  // OVL_CORE_SYS_STATMOUNT_H_
