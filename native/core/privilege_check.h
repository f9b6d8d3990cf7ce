// What is missing to be allowed to mount.
#ifndef OVL_CORE_PRIVILEGE_CHECK_H_
#define OVL_CORE_PRIVILEGE_CHECK_H_

#include <optional>

#include "core/finding.h"
#include "core/overlay_spec.h"

namespace ovl {

// Without CAP_SYS_ADMIN an overlay without a target can still be made, in a child with namespaces
// of its own; whether that works here is tried.
std::optional<Finding> FindMissingPrivilege(const OverlaySpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_PRIVILEGE_CHECK_H_
