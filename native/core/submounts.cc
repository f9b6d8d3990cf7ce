#include "core/submounts.h"

#include <cerrno>
#include <utility>

#include "core/mount_table.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_statmount.h"

namespace ovl {

namespace {

using Places = std::vector<std::string>;

constexpr size_t kAtATime = 512;

// Those mounted on this mount itself: what lies under another one is not to be seen anyway.
Result<Places> AskKernel(uint64_t mount) {
  Places places;
  ListmountQuery query;
  query.id = mount;
  query.max = kAtATime;
  for (;;) {
    auto ids = Listmount(query);
    if (!ids.ok()) return std::move(ids.failure());
    for (const uint64_t id : ids.value()) {
      auto stat = Statmount(id, kStatmountMntBasic | kStatmountMntPoint, 0);
      if (!stat.ok() && stat.failure().err == ENOENT) continue;  // unmounted meanwhile
      if (!stat.ok()) return std::move(stat.failure());
      if (stat.value().mnt_parent_id == mount) places.push_back(std::move(stat.value().mnt_point));
    }
    if (ids.value().size() < kAtATime) return places;
    query.last = ids.value().back();
  }
}

Result<Places> LookUp(int dir) {
  auto id = TableMountId(dir);
  if (!id.ok()) return std::move(id.failure());
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  Places places;
  for (MountEntry& entry : table.value()) {
    if (entry.parent == id.value() && entry.id != id.value()) {
      places.push_back(std::move(entry.target));
    }
  }
  return places;
}

}  // namespace

Result<const SubmountSearch::Places*> SubmountSearch::ChildrenOf(int dir) {
  auto identity = IdentifyMount(dir);
  if (!identity.ok()) return std::move(identity.failure());
  const auto found = known_.find(identity.value().id);
  if (found != known_.end()) return &found->second;
  // A detached mount is in no namespace (ENOENT). ENOSYS, EPERM: no such call, or a seccomp filter.
  auto places = identity.value().unique ? AskKernel(identity.value().id)
                                        : Result<Places>(Refusal(ENOSYS, "listmount", ""));
  if (!places.ok() && places.failure().err == ENOENT) places = Places();
  if (!places.ok()) places = LookUp(dir);
  if (!places.ok()) return std::move(places.failure());
  return &known_.emplace(identity.value().id, std::move(places.value())).first->second;
}

Result<std::optional<Submounts>> SubmountSearch::Below(int dir) {
  auto places = ChildrenOf(dir);
  if (!places.ok()) return std::move(places.failure());
  if (places.value()->empty()) return std::optional<Submounts>();
  auto path = PathOfFd(dir);
  if (!path.ok()) return std::move(path.failure());
  const std::string prefix = path.value() == "/" ? "/" : path.value() + "/";
  Submounts submounts;
  for (const std::string& place : *places.value()) {
    if (place.size() <= prefix.size() || !place.starts_with(prefix)) continue;
    if (submounts.count++ == 0) submounts.first = place;
  }
  if (submounts.count == 0) return std::optional<Submounts>();
  return std::optional(std::move(submounts));
}

}  // namespace ovl
