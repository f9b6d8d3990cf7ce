#include "core/mount_views.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <string_view>
#include <utility>

#include "core/lease.h"
#include "core/mount_table.h"
#include "core/mountinfo.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

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

Result<ViewRoot> ViewRoot::Open(const MountView& view) {
  ViewRoot root;
  if (view.process.empty()) return root;
  auto fd = OpenPath("/proc/" + view.process + "/root");
  if (!fd.ok()) return std::move(fd.failure());
  root.fd_ = std::move(fd.value());
  return root;
}

Result<UniqueFd> ViewRoot::OpenPlace(const std::string& path) const {
  return fd_ ? OpenPathIn(fd_.get(), path) : OpenPath(path);
}

Result<bool> VisitMountViews(
    const std::function<bool(const MountView&, const std::vector<MountEntry>&)>& visit) {
  auto own = OwnMountNamespace();
  if (!own.ok()) return std::move(own.failure());
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  if (visit({"", own.value()}, table.value())) return true;

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
    if (visit({pid, st.st_ino}, foreign.value())) return true;
  }
  return false;
}

}  // namespace ovl
