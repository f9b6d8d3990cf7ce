// Making an overlay: at a path or detached, with this process's own privileges or in a child with
// new namespaces; checked before and after.
#ifndef OVL_CORE_OVERLAY_MOUNT_H_
#define OVL_CORE_OVERLAY_MOUNT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/layers.h"
#include "core/live_overlay.h"
#include "core/overlay_spec.h"
#include "core/result.h"

namespace ovl {

struct MountedOverlay {
  Layers layers;  // opened before the mount could hide them
  std::unique_ptr<LiveOverlay> live;
  std::optional<std::string> target;  // resolved; nothing: detached
  std::optional<std::string> upper;   // nothing: there is none, or it has no path
  std::optional<std::string> work;
  bool rootless = false;
  MountInterface interface = MountInterface::kFsopen;
  std::vector<Notice> warnings;
};

// Either mounts, or fails and leaves nothing behind that was not there before.
//
// Without CAP_SYS_ADMIN the overlay is made by a child in a user namespace of its own and can only
// be a detached one.
Result<MountedOverlay> MountOverlay(const OverlaySpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_MOUNT_H_
