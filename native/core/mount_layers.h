// The layers of an overlay that is mounted already, by whatever program.
#ifndef OVL_CORE_MOUNT_LAYERS_H_
#define OVL_CORE_MOUNT_LAYERS_H_

#include <string>

#include "core/layers.h"
#include "core/result.h"

namespace ovl {

// Finds the overlay mounted at `target` in the mount table and opens its layers. A lower that the
// overlay itself covers (it is mounted in place) is reached in a private copy of the mount
// namespace, from which the overlay is taken off: nothing changes for anybody else. That needs
// CAP_SYS_ADMIN; without it the failure has reason "hidden-lower".
Result<Layers> OpenMountLayers(const std::string& target);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_LAYERS_H_
