#include "core/mount_holders.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "core/mountinfo.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_proc.h"
#include "core/unmount_plan.h"

namespace ovl {

namespace {

// The number in "mnt:[4026531840]"; nothing where the process has ended or may not be looked at,
// which is counted when it is looked at itself.
std::optional<uint64_t> MountNamespaceOf(int dir, const std::string& link) {
  const auto text = ReadLinkAt(dir, link);
  if (!text.ok()) return std::nullopt;
  const size_t at = text.value().find('[');
  if (at == std::string::npos) return std::nullopt;
  uint64_t id = 0;
  const char* const end = text.value().data() + text.value().size();
  const auto parsed = std::from_chars(text.value().data() + at + 1, end, id);
  if (parsed.ec != std::errc()) return std::nullopt;
  return id;
}

bool IsSameDirectory(const MountEntry& a, const MountEntry& b) {
  return a.device_major == b.device_major && a.device_minor == b.device_minor && a.root == b.root;
}

}  // namespace

Result<std::unique_ptr<HolderSearch>> HolderSearch::Open(const std::string& target) {
  std::unique_ptr<HolderSearch> search(new HolderSearch());
  uint64_t id = 0;
  {
    auto fd = OpenPath(target);
    if (!fd.ok()) return std::move(fd.failure());
    auto identity = IdentifyMount(fd.value().get());
    if (!identity.ok()) return std::move(identity.failure());
    if (!identity.value().root) return Refusal(EINVAL, "statx", "not-mounted", target);
    auto table_id = TableMountId(fd.value().get());
    if (!table_id.ok()) return std::move(table_id.failure());
    id = table_id.value();
    auto place = PathOfFd(fd.value().get());
    if (!place.ok()) return Refusal(place.failure().err, "readlinkat", "no-proc", target);
    search->wanted_.by_id.emplace(id, WantedMounts::Mount{std::move(place.value()), false});
  }
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  UnmountScope below;
  below.recursive = true;
  auto tree = PlanUnmount(table.value(), id, below);
  if (tree.empty()) return Refusal(EINVAL, "statx", "not-in-table", target);
  std::reverse(tree.begin(), tree.end());
  for (MountEntry& entry : tree) {
    if (entry.id == id) {
      search->mount_ = std::move(entry);
      continue;
    }
    search->wanted_.submounts.push_back(entry.target);
    search->report_.submounts.push_back(std::move(entry));
  }
  const auto here = MountNamespaceOf(AT_FDCWD, "/proc/thread-self/ns/mnt");
  if (here) search->namespaces_.insert(*here);
  auto pids = ListProcesses();
  if (!pids.ok()) return std::move(pids.failure());
  search->pids_ = std::move(pids.value());
  return search;
}

void HolderSearch::LookForCopies(pid_t pid) {
  const auto process = OpenDirectory("/proc/" + std::to_string(pid));
  if (!process.ok()) return;  // it has ended
  const auto in = MountNamespaceOf(process.value().get(), "ns/mnt");
  if (!in || !namespaces_.insert(*in).second) return;
  const auto text = ReadProcFile(process.value().get(), "mountinfo");
  if (!text.ok()) return;  // it has ended
  for (MountEntry& entry : ParseMountinfo(text.value())) {
    if (!IsSameDirectory(entry, mount_)) continue;
    wanted_.by_id.emplace(entry.id, WantedMounts::Mount{entry.target, true});
    report_.copies.push_back(
        MountCopy{*in, pid, CommandOf(process.value().get()), std::move(entry.target)});
  }
}

Status HolderSearch::LookAt(pid_t pid) {
  auto holder = HoldsOf(pid, wanted_);
  if (!holder.ok()) {
    const int err = holder.failure().err;
    if (err != EACCES && err != EPERM) return std::move(holder.failure());
    ++report_.unreadable;
    return Done{};
  }
  if (!holder.value().holds.empty()) report_.holders.push_back(std::move(holder.value()));
  return Done{};
}

Result<bool> HolderSearch::Step(const WorkSlice& slice) {
  while (next_ < pids_.size()) {
    if (slice.Over()) return true;
    if (next_namespace_ < pids_.size()) {
      LookForCopies(pids_[next_namespace_++]);
      continue;
    }
    Status status = LookAt(pids_[next_++]);
    if (!status.ok()) return std::move(status.failure());
  }
  return false;
}

}  // namespace ovl
