// The table of mounts of the calling thread's mount namespace.
#ifndef OVL_CORE_MOUNT_TABLE_H_
#define OVL_CORE_MOUNT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/mount_entry.h"
#include "core/result.h"

namespace ovl {

// Which words of the kernel are taken. Both give the same entries, but for the unique ids, which
// only statmount(2) knows, and for the option "mand" (nothing since Linux 5.15), which it leaves
// out.
enum class TableSource : uint8_t {
  kAuto,       // statmount(2) where it gives all of an entry and may be called, else mountinfo
  kStatmount,  // ENOSYS with reason "no-statmount" where it does not
  kMountinfo,  // /proc/thread-self/mountinfo
};

// In the order of the kernel. What lies outside of the process's root is not in it.
Result<std::vector<MountEntry>> ReadMountTable(TableSource source = TableSource::kAuto);

// The mount that a descriptor is on. None if it is not in the table: it is detached, or belongs to
// another namespace, or lies outside of the process's root.
Result<std::optional<MountEntry>> FindMountOf(int fd, TableSource source = TableSource::kAuto);

// The mount that a resolved path lies on, by the names alone: where the kernel does not tell mounts
// apart (before Linux 5.8). Null if none does.
const MountEntry* LongestPrefix(const std::vector<MountEntry>& table, std::string_view path);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_TABLE_H_
