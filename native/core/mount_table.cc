#include "core/mount_table.h"

#include <sys/mount.h>

#include <iterator>
#include <string>
#include <utility>

#include "core/mountinfo.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_mount_tree.h"
#include "core/sys_statmount.h"

namespace ovl {

namespace {

constexpr uint64_t kWanted = kStatmountSbBasic | kStatmountMntBasic | kStatmountPropagateFrom |
                             kStatmountMntRoot | kStatmountMntPoint | kStatmountFsType |
                             kStatmountFsSubtype | kStatmountSbSource | kStatmountOptArray |
                             kStatmountOptSecArray | kStatmountSupportedMask;

struct Word {
  uint64_t flag;
  const char* text;
};

// Texts and order of fs/proc_namespace.c.
constexpr Word kSuperWords[] = {
    {MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"}, {MS_LAZYTIME, "lazytime"}};
constexpr Word kMountWords[] = {
    {kAttrNosuid, ",nosuid"}, {kAttrNodev, ",nodev"}, {kAttrNoexec, ",noexec"}};

std::string MountOptionsOf(uint64_t attributes) {
  const auto has = [&](uint64_t bit) { return (attributes & bit) != 0; };
  std::string text = has(kAttrReadOnly) ? "ro" : "rw";
  for (const auto& [flag, word] : kMountWords) {
    if (has(flag)) text.append(word);
  }
  const uint64_t atime = attributes & kAttrAtimeMask;
  if (atime == kAttrNoatime) text.append(",noatime");
  if (has(kAttrNodiratime)) text.append(",nodiratime");
  if (atime == 0) text.append(",relatime");
  if (has(kAttrNosymfollow)) text.append(",nosymfollow");
  if (has(kAttrIdmap)) text.append(",idmapped");
  return text;
}

std::vector<std::string> SuperOptionsOf(MountStat& stat) {
  std::vector<std::string> options{(stat.sb_flags & MS_RDONLY) != 0 ? "ro" : "rw"};
  for (const auto& [flag, word] : kSuperWords) {
    if ((stat.sb_flags & flag) != 0) options.emplace_back(word);
  }
  for (auto* list : {&stat.opt_sec_array, &stat.opt_array}) {
    std::move(list->begin(), list->end(), std::back_inserter(options));
  }
  return options;
}

MountEntry EntryOf(MountStat stat) {
  MountEntry entry;
  entry.id = stat.mnt_id_old;
  entry.unique_id = stat.mnt_id;
  entry.parent = stat.mnt_parent_id_old;
  entry.device_major = stat.sb_dev_major;
  entry.device_minor = stat.sb_dev_minor;
  entry.root = std::move(stat.mnt_root);
  entry.root_deleted = TakeDeletedMark(entry.root);
  entry.target = std::move(stat.mnt_point);
  entry.mount_options = MountOptionsOf(stat.mnt_attr);
  if ((stat.mnt_propagation & MS_SHARED) != 0) entry.propagation.peer_group = stat.mnt_peer_group;
  if ((stat.mnt_propagation & MS_SLAVE) != 0) entry.propagation.master = stat.mnt_master;
  // mountinfo names it only where it is another one than the master.
  if (stat.propagate_from != stat.mnt_master) {
    entry.propagation.propagate_from = stat.propagate_from;
  }
  entry.propagation.unbindable = (stat.mnt_propagation & MS_UNBINDABLE) != 0;
  entry.fstype = std::move(stat.fs_type);
  if (!stat.fs_subtype.empty()) entry.fstype.append(".").append(stat.fs_subtype);
  entry.source = std::move(stat.sb_source);
  entry.super_options = SuperOptionsOf(stat);
  return entry;
}

Failure NoStatmount() { return Refusal(ENOSYS, "statmount", "no-statmount"); }

// Not there, or a seccomp filter answers for the kernel: EPERM for numbers that it does not know.
bool MeansUnsupported(const Failure& failure) {
  return failure.err == ENOSYS || failure.err == EPERM;
}

// The entry of one mount; none if there is no such mount below the process's root.
Result<std::optional<MountEntry>> AskFor(uint64_t unique_id) {
  auto stat = Statmount(unique_id, kWanted, 0);
  if (!stat.ok()) {
    if (stat.failure().err == ENOENT) return std::optional<MountEntry>();
    if (MeansUnsupported(stat.failure())) return NoStatmount();
    return std::move(stat.failure());
  }
  // Before it could say what it knows (Linux 6.15), an option that it does not know looks like one
  // that is not there.
  if ((stat.value().supported_mask & kWanted) != kWanted) return NoStatmount();
  if ((stat.value().mask & kStatmountMntPoint) == 0) return std::optional<MountEntry>();
  return std::optional(EntryOf(std::move(stat.value())));
}

Result<std::vector<uint64_t>> ListAll() {
  std::vector<uint64_t> all;
  ListmountQuery query;
  query.max = 4096;
  for (;;) {
    auto some = Listmount(query);
    if (!some.ok()) {
      if (MeansUnsupported(some.failure())) return NoStatmount();
      return std::move(some.failure());
    }
    all.insert(all.end(), some.value().begin(), some.value().end());
    if (some.value().size() < query.max) return all;
    query.last = all.back();
  }
}

Result<std::vector<MountEntry>> AskOneByOne() {
  auto ids = ListAll();
  if (!ids.ok()) return std::move(ids.failure());
  std::vector<MountEntry> table;
  table.reserve(ids.value().size());
  for (const uint64_t id : ids.value()) {
    auto entry = AskFor(id);
    if (!entry.ok()) return std::move(entry.failure());
    if (entry.value()) table.push_back(std::move(*entry.value()));
  }
  return table;
}

Result<std::vector<MountEntry>> AskForAll() {
  auto changes = TableChanges::Open(kOwnMountinfo);
  // Without /proc there is nothing that tells of changes: each entry is true, of its own moment.
  if (!changes.ok() && changes.failure().err != ENOENT) return std::move(changes.failure());
  for (int reading = 1;; ++reading) {
    auto table = AskOneByOne();
    if (!table.ok() || !changes.ok()) return table;
    auto changed = changes.value().Any();
    if (!changed.ok()) return std::move(changed.failure());
    if (!changed.value() || reading == kTableReadings) return table;
  }
}

Result<std::vector<MountEntry>> ReadOwnMountinfo() {
  auto table = ReadMountinfo(kOwnMountinfo);
  if (!table.ok() && table.failure().err == ENOENT) table.failure().reason = "no-proc";
  return table;
}

Result<std::optional<MountEntry>> AskAbout(int fd) {
  auto identity = IdentifyMount(fd);
  if (!identity.ok()) return std::move(identity.failure());
  if (!identity.value().unique) return NoStatmount();
  return AskFor(identity.value().id);
}

Result<std::optional<MountEntry>> FindInTable(int fd) {
  auto id = TableMountId(fd);
  if (!id.ok() && !MeansUnsupported(id.failure())) return std::move(id.failure());
  auto table = ReadOwnMountinfo();
  if (!table.ok()) return std::move(table.failure());
  if (id.ok()) {
    for (MountEntry& entry : table.value()) {
      if (entry.id == id.value()) return std::optional(std::move(entry));
    }
    return std::optional<MountEntry>();
  }
  auto path = PathOfFd(fd);
  if (!path.ok()) return std::move(path.failure());
  const MountEntry* entry = LongestPrefix(table.value(), path.value());
  return entry == nullptr ? std::nullopt : std::optional(*entry);
}

}  // namespace

Result<std::vector<MountEntry>> ReadMountTable(TableSource source) {
  if (source == TableSource::kMountinfo) return ReadOwnMountinfo();
  auto table = AskForAll();
  if (source == TableSource::kAuto && !table.ok() && MeansUnsupported(table.failure())) {
    return ReadOwnMountinfo();
  }
  return table;
}

Result<std::optional<MountEntry>> FindMountOf(int fd, TableSource source) {
  if (source == TableSource::kMountinfo) return FindInTable(fd);
  auto entry = AskAbout(fd);
  if (source == TableSource::kAuto && !entry.ok() && MeansUnsupported(entry.failure())) {
    return FindInTable(fd);
  }
  return entry;
}

const MountEntry* LongestPrefix(const std::vector<MountEntry>& table, std::string_view path) {
  const MountEntry* found = nullptr;
  for (const MountEntry& entry : table) {
    const std::string_view target = entry.target;
    const bool below =
        target == "/" ||
        (path.starts_with(target) && (path.size() == target.size() || path[target.size()] == '/'));
    // Of two on one place the later one lies on top.
    if (below && (found == nullptr || target.size() >= found->target.size())) found = &entry;
  }
  return found;
}

}  // namespace ovl
