#include "core/overlay_unmount.h"

#include <sys/mount.h>

#include <utility>

#include "core/mount_table.h"
#include "core/overlay_magic.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

struct Place {
  std::string path;       // of the mount point, resolved
  bool ours = false;      // the expected mount is on top there
  uint64_t table_id = 0;  // of what is on top
};

// What is on top at a path. Our descriptor is closed by then: it would keep the mount busy. Between
// that and umount2 another mount could be laid over it; umount2 takes no descriptor, so that window
// cannot be closed.
Result<Place> LookAt(const std::string& target, const MountIds& ids) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto there = IdsOf(fd.value().get());
  if (!there.ok()) return std::move(there.failure());
  auto path = PathOfFd(fd.value().get());
  if (!path.ok()) return std::move(path.failure());
  const MountIdentity& identity = there.value().identity;
  return Place{std::move(path.value()), identity.id == ids.identity.id && identity.root,
               there.value().table_id};
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
  auto place = LookAt(target, ids);
  if (place.ok() && place.value().ours) {
    return Umount(place.value().path, flags | UMOUNT_NOFOLLOW);
  }
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  for (const MountEntry& entry : table.value()) {
    if (entry.id != ids.table_id || entry.fstype != "overlay") continue;
    place = LookAt(entry.target, ids);
    if (place.ok() && place.value().ours) {
      return Umount(place.value().path, flags | UMOUNT_NOFOLLOW);
    }
    // Numbers of the table are used again: a stranger on top that has ours now means ours is gone.
    if (place.ok() && ids.identity.unique && place.value().table_id == entry.id) break;
    return Refusal(EBUSY, "umount2", "covered", entry.target);
  }
  return Done{};  // somebody else unmounted it: there is nothing of ours left
}

}  // namespace ovl
