// An overlay by mount(2): every layer in one string of options.
#ifndef OVL_CORE_MOUNT_BY_DATA_H_
#define OVL_CORE_MOUNT_BY_DATA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/overlay_plan.h"
#include "core/result.h"

namespace ovl {

struct MountByDataArgs {
  std::vector<PlannedLayer> lower;
  std::vector<PlannedLayer> data_lower;
  std::optional<PlannedLayer> upper;
  std::optional<PlannedLayer> work;
  std::vector<std::string> options;  // "key" or "key=value"
  std::string target;
  uint64_t attributes = 0;  // MOUNT_ATTR_*
  bool text_only = false;   // E2BIG instead of numbers
};

// The kernel takes 4095 bytes. What is longer is mounted with the numbers of the layers'
// descriptors instead of their names, from a thread whose working directory is /proc/self/fd: the
// table of mounts then shows nothing but these numbers, and `compacted` says so.
Status MountByData(const MountByDataArgs& args, bool& compacted);

// mount(2)'s flags for MOUNT_ATTR_*.
uint64_t MountFlags(uint64_t attributes);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_BY_DATA_H_
