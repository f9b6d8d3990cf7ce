// The attributes of one mount (read-only, nosuid, ...) in their three notations: MOUNT_ATTR_* of
// mount_setattr(2), MS_* of mount(2), and the words of the mount table.
#ifndef OVL_CORE_MOUNT_ATTRIBUTES_H_
#define OVL_CORE_MOUNT_ATTRIBUTES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/sys_mount_tree.h"

namespace ovl {

// MOUNT_ATTR_* of "rw,nosuid,relatime". Words that are no attribute are left out.
uint64_t ParseMountAttributes(std::string_view words);

// Those of nosuid, nodev and noexec that hold where `path` leads (statfs(2)).
Result<uint64_t> RestrictionsOn(const std::string& path);

// MS_* of MOUNT_ATTR_*. The access time mode is always among them: of none mount(2) makes the
// kernel's default, or on a remount what was there.
uint64_t ToMountFlags(uint64_t attributes);

// What mount_setattr(2) would make of these attributes.
inline uint64_t ChangedAttributes(uint64_t present, const MountAttributeChange& change) {
  return (present & ~change.clear) | change.set;
}

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_ATTRIBUTES_H_
