#include "core/overlay_unmount.h"

#include <sys/mount.h>

#include <utility>

#include "core/mount_table.h"
#include "core/overlay_magic.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

// The resolved path of the mount point if the mount on it is the expected one. Our descriptor is
// closed by then: it would keep the mount busy. Between that and umount2 another mount could be
// laid over it; umount2 takes no descriptor, so that window cannot be closed.
Result<std::string> PlaceOf(const std::string& target, const MountIds& ids, bool& same) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto identity = IdentifyMount(fd.value().get());
  if (!identity.ok()) return std::move(identity.failure());
  same = identity.value().id == ids.identity.id && identity.value().root;
  return PathOfFd(fd.value().get());
}

}  // namespace

Result<MountIds> IdsOf(int fd) {
  MountIds ids;
  auto identity = IdentifyMount(fd);
  if (!identity.ok()) return std::move(identity.failure());
  auto table = TableMountId(fd);
  if (!table.ok()) return std::move(table.failure());
  ids.identity = identity.value();
  ids.table_id = table.value();
  return ids;
}

Status UnmountAt(const std::string& target, int flags, bool any) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto identity = IdentifyMount(fd.value().get());
  if (!identity.ok()) return std::move(identity.failure());
  if (!identity.value().root) return Refusal(EINVAL, "umount2", "not-mounted", target);
  if (!any) {
    auto fs = StatFs(fd.value().get());
    if (!fs.ok()) return std::move(fs.failure());
    if (!IsOverlay(fs.value())) return Refusal(EINVAL, "umount2", "not-overlay", target);
  }
  auto place = PathOfFd(fd.value().get());
  if (!place.ok()) return std::move(place.failure());
  fd.value().Reset();
  return Umount(place.value(), flags | UMOUNT_NOFOLLOW);
}

Status UnmountExactly(const std::string& target, const MountIds& ids, int flags) {
  bool same = false;
  auto place = PlaceOf(target, ids, same);
  if (place.ok() && same) return Umount(place.value(), flags | UMOUNT_NOFOLLOW);
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  for (const MountEntry& entry : table.value()) {
    if (entry.id != ids.table_id || entry.fstype != "overlay") continue;
    place = PlaceOf(entry.target, ids, same);
    if (place.ok() && same) return Umount(place.value(), flags | UMOUNT_NOFOLLOW);
    return Refusal(EBUSY, "umount2", "covered", entry.target);
  }
  return Done{};  // somebody else unmounted it: there is nothing of ours left
}

}  // namespace ovl
