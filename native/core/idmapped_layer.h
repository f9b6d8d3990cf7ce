// Layers whose owners are seen as other ones (Linux 5.19).
#ifndef OVL_CORE_IDMAPPED_LAYER_H_
#define OVL_CORE_IDMAPPED_LAYER_H_

#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// A detached copy of the mount that `layer` lies on, with the directory as its root and its ids
// mapped (open_tree(2), mount_setattr(2) with MOUNT_ATTR_IDMAP). Needs CAP_SYS_ADMIN in the user
// namespace of the filesystem. `path` names the layer in failures.
Result<UniqueFd> IdmappedClone(int layer, const IdMap& map, const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_IDMAPPED_LAYER_H_
