#include "core/mount_place.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <utility>

#include "core/mount_refusal.h"
#include "core/overlay_unmount.h"
#include "core/sys_file.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

Failure WhyNotAttached(Failure failure, int target, bool beneath) {
  if (beneath && failure.err == EINVAL) return ExplainBeneath(std::move(failure), target);
  if (failure.err == EPERM) failure.reason = "no-privilege";
  return failure;
}

}  // namespace

Result<MountPlace> OpenPlace(const std::string& target) {
  auto fd = OpenPath(target);
  if (!fd.ok()) {
    if (fd.failure().err == ENOENT) fd.failure().reason = "target-missing";
    return std::move(fd.failure());
  }
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return std::move(st.failure());
  if (!S_ISDIR(st.value().st_mode)) {
    return Refusal(ENOTDIR, "mount", "target-not-directory", target);
  }
  auto path = PathOfFd(fd.value().get());
  if (!path.ok()) return Refusal(path.failure().err, "readlinkat", "no-proc", target);
  // What is mounted on the root directory is not seen by anybody whose root it is.
  if (path.value() == "/") return Refusal(EINVAL, "mount", "target-is-root", target);
  return MountPlace{std::move(fd.value()), std::move(path.value())};
}

Status AttachMount(int mount, const MountPlace& place, bool beneath, uint64_t propagation) {
  auto moved = MoveMount(mount, place.fd.get(), beneath, place.path);
  if (!moved.ok()) return WhyNotAttached(std::move(moved.failure()), place.fd.get(), beneath);
  if (propagation == 0) return Done{};
  // Only now: attaching below a shared mount makes it shared again.
  MountAttributeChange change;
  change.propagation = propagation;
  auto set = MountSetattr(mount, "", AT_EMPTY_PATH, change);
  if (set.ok()) return Done{};
  set.failure().path = place.path;
  auto ids = IdsOf(mount);
  // By its id, since `beneath` something else is on top of it.
  if (!ids.ok() || !UnmountExactly(place.path, ids.value(), MNT_DETACH).ok()) {
    set.failure().reason = "left-mounted";
    set.failure().dest = place.path;
  }
  return set;
}

}  // namespace ovl
