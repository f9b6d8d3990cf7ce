#include "core/overlay_decision.h"

#include "core/kernel_support.h"
#include "core/overlay_features.h"

namespace ovl {

namespace {

bool IsEphemeral(const UpperSpec& upper) {
  return upper.kind == UpperKind::kTmpfs || upper.kind == UpperKind::kTemporary;
}

}  // namespace

Result<OverlayDecision> DecideOverlay(const OverlaySpec& spec) {
  OverlayDecision out;
  out.own = OwnMountPrivilege();
  out.rootless = !out.own.may_mount;
  const bool trusted = out.own.trusted_xattrs;
  out.userxattr = spec.features.userxattr.value_or(!trusted);
  const std::string where = spec.target.value_or("");
  if (out.rootless && spec.target) {
    const char* const why = HasSysAdmin() ? "foreign-mount-namespace" : "rootless-target";
    return Refusal(EPERM, "mount", why, "overlay", where);
  }
  if (!out.userxattr && !trusted) {
    return Refusal(EPERM, "mount", "needs-userxattr", "overlay", where);
  }
  out.interface = spec.interface;
  if (out.interface == MountInterface::kFsopenNames) out.interface = MountInterface::kFsopen;
  if (out.interface == MountInterface::kAuto) {
    // An ordinary user cannot ask, and has no other way anyhow.
    const bool newer = out.rootless || HasRealFsopen();
    out.interface = newer ? MountInterface::kFsopen : MountInterface::kMount;
  }
  if (out.interface == MountInterface::kMount) {
    if (!spec.target) return Refusal(ENOSYS, "fsopen", "detached-needs-fsopen", "overlay");
    if (spec.beneath) return Refusal(ENOSYS, "move_mount", "beneath-needs-fsopen", where);
  }
  out.features = spec.features;
  out.features.is_volatile = out.features.is_volatile || IsEphemeral(spec.upper);
  out.options = FeatureOptions(out.features, out.userxattr);
  out.space = out.userxattr ? MarkerSpace::kUser : MarkerSpace::kTrusted;
  return out;
}

}  // namespace ovl
