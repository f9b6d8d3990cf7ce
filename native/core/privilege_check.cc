#include "core/privilege_check.h"

#include <cerrno>
#include <utility>

#include "core/rootless_probe.h"
#include "core/sys_fs_context.h"
#include "core/sys_privilege.h"

namespace ovl {

std::optional<Finding> FindMissingPrivilege(const OverlaySpec& spec) {
  const std::string target = spec.target.value_or("");
  if (!spec.features.userxattr.value_or(true) && !CanReadTrustedXattrs()) {
    return Mistake(EPERM, "needs-userxattr", "overlay", target);
  }
  const bool capable = HasSysAdmin();
  if (!capable || !OwnsMountNamespace()) {
    const char* const reason = capable ? "foreign-mount-namespace" : "rootless-target";
    if (spec.target) return Mistake(EPERM, reason, "overlay", target);
    auto rootless = TryRootless();
    if (rootless.ok()) return std::nullopt;
    Failure& failure = rootless.failure();
    return Mistake(failure.err, failure.reason, std::move(failure.path), "",
                   std::move(failure.detail));
  }
  // All that the kernel itself asks for is there: somebody else says no.
  const auto fs = Fsopen("overlay");
  if (fs.ok()) return std::nullopt;
  if (fs.failure().err == ENODEV) return Mistake(ENODEV, "no-overlay", "overlay");
  if (fs.failure().err == EPERM || fs.failure().err == EACCES) {
    return Mistake(fs.failure().err, "mount-forbidden", "overlay", target);
  }
  return std::nullopt;
}

}  // namespace ovl
