#include "core/upper_search.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "core/mount_table.h"
#include "core/mountinfo.h"
#include "core/overlay_options.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

// One mount namespace, through the eyes of one process in it.
struct View {
  std::string process;  // empty: we ourselves
  uint64_t mount_namespace = 0;
};

class Search {
 public:
  Search(const struct stat& upper, const struct stat& work, const std::optional<LeaseHolder>& lease)
      : upper_(upper), work_(work), lease_(lease) {}

  // True if this namespace has it.
  bool LookInto(const View& view, const std::vector<MountEntry>& table);
  FoundOverlay& found() { return found_; }

 private:
  bool IsLeased(const View& view, int root);
  bool IsOurs(int root, const std::optional<std::string>& layer);

  const struct stat& upper_;
  const struct stat& work_;
  const std::optional<LeaseHolder>& lease_;
  FoundOverlay found_;
};

bool Same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// `root` is AT_FDCWD for our own root directory.
Result<UniqueFd> OpenIn(int root, const std::string& path) {
  return root == AT_FDCWD ? OpenPath(path) : OpenPathIn(root, path);
}

// Whether a layer that a table names is one of the two directories, as either: an upper may not be
// the workdir of somebody else either.
bool Search::IsOurs(int root, const std::optional<std::string>& layer) {
  if (!layer || !layer->starts_with('/')) return false;
  auto fd = OpenIn(root, *layer);
  if (!fd.ok()) return false;
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return false;
  const bool upper = Same(st.value(), upper_);
  if (!upper && !Same(st.value(), work_)) return false;
  found_.use = upper ? UseOfUpper::kUpper : UseOfUpper::kWork;
  return true;
}

bool Search::IsLeased(const View& view, int root) {
  if (!lease_ || lease_->mount_id == 0 || lease_->target.empty() ||
      lease_->mount_namespace != view.mount_namespace) {
    return false;
  }
  auto fd = OpenIn(root, lease_->target);
  if (!fd.ok()) return false;
  auto identity = IdentifyMount(fd.value().get());
  return identity.ok() && identity.value().unique && identity.value().id == lease_->mount_id;
}

bool Search::LookInto(const View& view, const std::vector<MountEntry>& table) {
  const auto is_overlay = [](const MountEntry& entry) { return entry.fstype == "overlay"; };
  if (std::none_of(table.begin(), table.end(), is_overlay)) return false;
  UniqueFd of_process;
  if (!view.process.empty()) {
    auto root = OpenPath("/proc/" + view.process + "/root");
    if (!root.ok()) return false;  // it has ended
    of_process = std::move(root.value());
  }
  const int root = of_process ? of_process.get() : AT_FDCWD;
  found_.process = view.process;
  found_.by_lease = IsLeased(view, root);
  for (const MountEntry& entry : table) {
    if (!is_overlay(entry)) continue;
    const OverlayOptions options = ParseOverlayOptions(entry.super_options);
    if (!IsOurs(root, options.upper) && !IsOurs(root, options.work)) continue;
    found_.target = found_.by_lease ? lease_->target : entry.target;
    return true;
  }
  if (!found_.by_lease) return false;
  found_.use = UseOfUpper::kWork;  // that is where the lease lies
  found_.target = lease_->target;
  return true;
}

Result<std::vector<std::string>> Processes(int proc) {
  std::vector<std::string> pids;
  for (;;) {
    auto more = ReadSomeEntries(proc, [&](const DirEntry& entry) {
      if (entry.name.find_first_not_of("0123456789") == std::string_view::npos) {
        pids.emplace_back(entry.name);
      }
    });
    if (!more.ok()) return std::move(more.failure());
    if (!more.value()) return pids;
  }
}

}  // namespace

Result<std::optional<FoundOverlay>> FindOverlayOn(int upper, int work,
                                                  const std::optional<LeaseHolder>& lease) {
  auto upper_st = StatFd(upper);
  if (!upper_st.ok()) return std::move(upper_st.failure());
  auto work_st = StatFd(work);
  if (!work_st.ok()) return std::move(work_st.failure());
  Search search(upper_st.value(), work_st.value(), lease);

  auto own = OwnMountNamespace();
  if (!own.ok()) return std::move(own.failure());
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  if (search.LookInto({"", own.value()}, table.value())) {
    return std::optional<FoundOverlay>(std::move(search.found()));
  }

  auto proc = OpenDirectory("/proc");
  if (!proc.ok()) return std::move(proc.failure());
  auto pids = Processes(proc.value().get());
  if (!pids.ok()) return std::move(pids.failure());
  std::set<uint64_t> seen = {own.value()};
  for (const std::string& pid : pids.value()) {
    struct stat st;
    // Refused, or the process has ended: a namespace that cannot be seen.
    if (::fstatat(proc.value().get(), (pid + "/ns/mnt").c_str(), &st, 0) != 0) continue;
    if (seen.contains(st.st_ino)) continue;
    auto foreign = ReadMountinfo("/proc/" + pid + "/mountinfo");
    if (!foreign.ok()) continue;  // as above
    seen.insert(st.st_ino);
    if (search.LookInto({pid, st.st_ino}, foreign.value())) {
      return std::optional<FoundOverlay>(std::move(search.found()));
    }
  }
  return std::optional<FoundOverlay>();
}

}  // namespace ovl
