#include "core/overlay_unmount.h"

#include <sys/mount.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/mount_table.h"
#include "core/overlay_magic.h"
#include "core/patience.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

struct Place {
  std::string path;  // of the mount point, resolved
  MountIds ids;      // of what is on top there
};

// What is on top at a path. Our descriptor is closed by then: it would keep the mount busy. Between
// that and umount2 another mount could be laid over it; umount2 takes no descriptor, so that window
// cannot be closed.
Result<Place> LookAt(const std::string& target) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto ids = IdsOf(fd.value().get());
  if (!ids.ok()) return std::move(ids.failure());
  auto path = PathOfFd(fd.value().get());
  if (!path.ok()) return std::move(path.failure());
  return Place{std::move(path.value()), ids.value()};
}

bool Is(const Place& place, const MountIds& ids) {
  return place.ids.identity.root && place.ids.identity.id == ids.identity.id;
}

// The mount point, resolved, of one certain mount, if that is what is on top at a path; else "".
Result<std::string> FindAt(const std::string& target, const MountIdentity& mount) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto there = IdentifyMount(fd.value().get());
  if (!there.ok()) return std::move(there.failure());
  if (!there.value().root || there.value().id != mount.id) return std::string();
  return PathOfFd(fd.value().get());
}

// Of a place that was looked at: the root of a mount.
Status UnmountPlace(const std::string& path, int flags) {
  // umount2 takes the root of the process for a wish to shut down: it does not unmount it, it makes
  // its whole filesystem read-only.
  if (path == "/") return Refusal(EBUSY, "umount2", "is-root", path);
  Status status = Umount(path, flags | UMOUNT_NOFOLLOW);
  if (status.ok()) return status;
  if (status.failure().err == EPERM) status.failure().reason = "unmount-no-privilege";
  if (status.failure().err == EINVAL) status.failure().reason = "mount-locked";
  return status;
}

// Busy, and the kernel says so: a path that leads through the mount is looked up somewhere just
// now, by a backup, a df(1) or whoever searches /proc; or a program with a file open there is
// ending.
bool MayPass(const Failure& failure) {
  return failure.err == EBUSY && std::string_view(failure.reason).empty();
}

Unmounted Failed(Failure failure) { return Unmounted{{}, std::move(failure), {}}; }

// Table ids are used again at once, so the unique one counts where it is known.
bool IsRootOf(const MountIds& there, const MountEntry& entry) {
  return there.identity.root && there.table_id == entry.id &&
         (entry.unique_id == 0 || entry.unique_id == there.identity.id);
}

bool IsInTable(const std::vector<MountEntry>& table, const MountEntry& entry) {
  return std::any_of(table.begin(), table.end(), [&](const MountEntry& other) {
    return other.id == entry.id && other.target == entry.target;
  });
}

// The entry of a mount that is named by its id, if it can be found.
Result<const MountEntry*> FindById(const std::vector<MountEntry>& table, uint64_t id) {
  constexpr uint64_t kFirstUnique = uint64_t{1} << 31;
  for (const MountEntry& entry : table) {
    if (id < kFirstUnique || entry.unique_id != 0) {
      if (id == entry.id || id == entry.unique_id) return &entry;
      continue;
    }
    // The table has no unique ids. What cannot be looked at is hidden and could not be unmounted.
    const auto place = LookAt(entry.target);
    if (place.ok() && place.value().ids.identity.id == id && place.value().ids.identity.root) {
      return &entry;
    }
  }
  return Refusal(EINVAL, "umount2", "no-such-mount");
}

Result<std::vector<MountEntry>> PlanAt(const std::string& target, const UnmountScope& scope) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto ids = IdsOf(fd.value().get());
  if (!ids.ok()) return std::move(ids.failure());
  if (!ids.value().identity.root) return Refusal(EINVAL, "umount2", "not-mounted", target);
  auto fs = StatFs(fd.value().get());
  if (!fs.ok()) return std::move(fs.failure());
  if (!scope.any && !IsOverlay(fs.value())) {
    return Refusal(EINVAL, "umount2", "not-overlay", target);
  }
  if (scope.recursive || scope.all) {
    auto table = ReadMountTable();
    if (!table.ok()) return std::move(table.failure());
    auto plan = PlanUnmount(table.value(), ids.value().table_id, scope);
    if (plan.empty()) return Refusal(EINVAL, "umount2", "not-in-table", target);
    return plan;
  }
  // Reading the table would take longer than everything else.
  auto place = PathOfFd(fd.value().get());
  if (!place.ok()) return std::move(place.failure());
  MountEntry entry;
  entry.id = ids.value().table_id;
  entry.unique_id = ids.value().identity.unique ? ids.value().identity.id : 0;
  entry.target = std::move(place.value());
  return std::vector<MountEntry>{std::move(entry)};
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

Unmounted UnmountRest(std::vector<MountEntry> rest, int flags) {
  for (const MountEntry& entry : rest) {
    // Known before anything is gone; see UnmountPlace.
    if (entry.target == "/") return Failed(Refusal(EBUSY, "umount2", "is-root", entry.target));
  }
  Unmounted out;
  out.rest = std::move(rest);
  std::optional<Failure> hidden;  // why the last one that could not be found was not
  Patience patience;              // for all of them together
  const auto take = [&](const MountEntry& entry) -> Result<bool> {
    for (;;) {
      auto place = LookAt(entry.target);
      if (!place.ok()) {
        hidden = std::move(place.failure());
        return false;
      }
      if (!IsRootOf(place.value().ids, entry)) {
        hidden = Refusal(EBUSY, "umount2", "covered", entry.target);
        return false;
      }
      const Status status = UnmountPlace(place.value().path, flags);
      if (status.ok()) break;
      if (!MayPass(status.failure()) || !patience.Another()) return status.failure();
    }
    out.places.push_back(entry.target);
    return true;
  };
  for (;;) {
    const auto done = RunPlan(out.rest, take);
    if (!done.ok()) out.failure = done.failure();
    if (!done.ok() || done.value()) return out;
    // What is hidden may be gone by now: taken off by somebody else, or with what it was below.
    auto table = ReadMountTable();
    if (!table.ok()) {
      out.failure = std::move(table.failure());
      return out;
    }
    const auto gone = [&](const MountEntry& entry) { return !IsInTable(table.value(), entry); };
    if (std::erase_if(out.rest, gone) == 0) {
      out.failure = std::move(hidden);
      return out;
    }
  }
}

Unmounted UnmountAt(const std::string& target, int flags, const UnmountScope& scope) {
  auto plan = PlanAt(target, scope);
  if (!plan.ok()) return Failed(std::move(plan.failure()));
  return UnmountRest(std::move(plan.value()), flags);
}

Unmounted UnmountById(uint64_t id, int flags, const UnmountScope& scope) {
  auto table = ReadMountTable();
  if (!table.ok()) return Failed(std::move(table.failure()));
  auto entry = FindById(table.value(), id);
  if (!entry.ok()) return Failed(std::move(entry.failure()));
  if (!scope.any && entry.value()->fstype != "overlay") {
    return Failed(Refusal(EINVAL, "umount2", "not-overlay", entry.value()->target));
  }
  return UnmountRest(PlanUnmount(table.value(), entry.value()->id, scope), flags);
}

namespace {

Status TryExactly(const std::string& target, const MountIds& ids, int flags) {
  auto path = FindAt(target, ids.identity);
  if (path.ok() && !path.value().empty()) return UnmountPlace(path.value(), flags);
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  for (const MountEntry& entry : table.value()) {
    if (entry.id != ids.table_id || entry.fstype != "overlay") continue;
    auto place = LookAt(entry.target);
    if (place.ok() && Is(place.value(), ids)) return UnmountPlace(place.value().path, flags);
    // Numbers of the table are used again: a stranger on top that has ours now means ours is gone.
    if (place.ok() && ids.identity.unique && place.value().ids.table_id == entry.id) break;
    return Refusal(EBUSY, "umount2", "covered", entry.target);
  }
  return Done{};  // somebody else unmounted it: there is nothing of ours left
}

}  // namespace

Status UnmountExactly(const std::string& target, const MountIds& ids, int flags) {
  Patience patience;
  for (;;) {
    auto status = TryExactly(target, ids, flags);
    if (status.ok() || !MayPass(status.failure()) || !patience.Another()) return status;
  }
}

}  // namespace ovl
