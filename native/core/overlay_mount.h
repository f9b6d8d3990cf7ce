// Mounting an overlay at a path, checked before and after.
#ifndef OVL_CORE_OVERLAY_MOUNT_H_
#define OVL_CORE_OVERLAY_MOUNT_H_

#include <optional>
#include <string>
#include <vector>

#include "core/layers.h"
#include "core/overlay_spec.h"
#include "core/overlay_unmount.h"
#include "core/result.h"

namespace ovl {

struct MountedOverlay {
  Layers layers;  // opened before the mount could hide them
  MountIds ids;
  std::string target;  // resolved
  std::optional<std::string> work;
  // What could not be carried over to an upper we created: "upper-owner", "upper-xattrs".
  std::vector<const char*> warnings;
};

// Either mounts, or fails and leaves nothing behind that was not there before.
Result<MountedOverlay> MountOverlay(const OverlaySpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_MOUNT_H_
