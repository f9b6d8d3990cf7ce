#include "core/overlay_refresh.h"

#include <utility>

#include "core/overlay_magic.h"
#include "core/sys_file.h"
#include "core/sys_fs_context.h"
#include "core/sys_mount.h"

namespace ovl {

namespace {

constexpr uint32_t kFspickEmptyPath = 8;

// The kernel's reconfigure_super() drops the unused part of the dentry cache before it looks at
// what was asked for, and without any parameter nothing is asked for: the flags of the mount are
// not even passed (mount(2) with MS_REMOUNT would set them all anew, and cannot make the mount
// alone read-only).
Status Reconfigure(int mount, bool read_only) {
  auto context = Fspick(mount, "", kFspickEmptyPath);
  if (!context.ok()) return std::move(context.failure());
  const int fs = context.value().get();
  Status status = read_only ? FsconfigFlag(fs, "ro") : Done{};
  if (status.ok()) status = FsconfigReconfigure(fs);
  if (!status.ok()) status.failure().log = ReadFsLog(fs);
  return status;
}

Status Refresh(int mount) {
  Status status = Reconfigure(mount, false);
  // An overlay that has no upper, or could not use it, refuses what does not say "ro" (after
  // it has dropped the cache). It is read-only itself, not by its mount, so saying so changes
  // nothing. A context that has failed is of no more use.
  if (!status.ok() && status.failure().err == EROFS) status = Reconfigure(mount, true);
  return status;
}

}  // namespace

Status RefreshOverlay(int mount) {
  Status status = Refresh(mount);
  if (!status.ok() && status.failure().err == EPERM) {
    status.failure().reason = "refresh-no-privilege";
  }
  return status;
}

Status RefreshOverlayAt(const std::string& target) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto fs = StatFs(fd.value().get());
  if (!fs.ok()) return std::move(fs.failure());
  if (!IsOverlay(fs.value())) return Refusal(EINVAL, "fspick", "not-overlay", target);
  auto identity = IdentifyMount(fd.value().get());
  if (!identity.ok()) return std::move(identity.failure());
  if (!identity.value().root) return Refusal(EINVAL, "fspick", "not-mount-root", target);
  Status status = RefreshOverlay(fd.value().get());
  if (!status.ok()) status.failure().path = target;
  return status;
}

}  // namespace ovl
