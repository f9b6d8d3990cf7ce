#include "core/mount_by_path.h"

#include <sys/mount.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/mount_attributes.h"
#include "core/mount_table.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"

namespace ovl {

namespace {

Status Flags(int fd, uint64_t flags) {
  MountArgs args;
  args.target = NameOfFd(fd);
  args.flags = flags;
  return Mount(args);
}

Status RemountOne(int fd, const MountEntry& entry, const MountAttributeChange& change) {
  const uint64_t present = ParseMountAttributes(entry.mount_options);
  return Flags(fd, MS_REMOUNT | MS_BIND | ToMountFlags(ChangedAttributes(present, change)));
}

// The mounts below one mount, in no order.
std::vector<const MountEntry*> MountsBelow(const std::vector<MountEntry>& table, uint64_t id) {
  std::vector<const MountEntry*> below;
  std::set<uint64_t> tree{id};
  for (bool grown = true; grown;) {  // a mount that was moved may stand before its parent
    grown = false;
    for (const MountEntry& entry : table) {
      if (!tree.contains(entry.parent) || !tree.insert(entry.id).second) continue;
      below.push_back(&entry);
      grown = true;
    }
  }
  return below;
}

// The mount of an entry, if its path leads to it.
Result<UniqueFd> OpenEntry(const MountEntry& entry) {
  auto fd = OpenPath(entry.target);
  if (!fd.ok()) return fd;
  auto id = TableMountId(fd.value().get());
  if (!id.ok()) return std::move(id.failure());
  if (id.value() != entry.id) return Refusal(EBUSY, "mount", "covered", entry.target);
  return fd;
}

Status Remount(int fd, bool recursive, const MountAttributeChange& change) {
  auto id = TableMountId(fd);
  if (!id.ok()) return std::move(id.failure());
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  const auto own = std::find_if(table.value().begin(), table.value().end(),
                                [&](const MountEntry& entry) { return entry.id == id.value(); });
  if (own == table.value().end()) return Refusal(EINVAL, "mount", "not-in-table");
  auto changed = RemountOne(fd, *own, change);
  if (!changed.ok() || !recursive) return changed;
  for (const MountEntry* entry : MountsBelow(table.value(), id.value())) {
    auto below = OpenEntry(*entry);
    if (!below.ok()) return std::move(below.failure());
    changed = RemountOne(below.value().get(), *entry, change);
    if (!changed.ok()) return changed;
  }
  return Done{};
}

}  // namespace

std::string NameOfFd(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Status ChangeByRemount(int fd, bool recursive, const MountAttributeChange& change) {
  if ((change.set | change.clear) != 0) {
    auto changed = Remount(fd, recursive, change);
    if (!changed.ok()) return changed;
  }
  if (change.propagation == 0) return Done{};
  return Flags(fd, change.propagation | (recursive ? MS_REC : 0));
}

}  // namespace ovl
