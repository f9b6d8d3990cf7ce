#include "core/volatile_marker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iterator>
#include <utility>
#include <vector>

#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr const char* kWay[] = {"work", "incompat", "volatile"};

// A directory on the way to the mark.
struct Opened {
  UniqueFd fd;
  std::string path;
};

// No link is followed: the workdir may be somebody else's, who would have us change modes and
// remove directories elsewhere. Nothing where there is no such directory.
Result<Opened> Enter(const Opened& dir, const char* name) {
  Opened next{UniqueFd(), dir.path + "/" + name};
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  next.fd = UniqueFd(::openat(dir.fd.get(), name, kFlags));
  if (!next.fd && errno == EACCES) {
    // overlayfs makes its directories with mode 0, which only root can look into: their owner has
    // to open them first. The kernel makes them anew.
    auto opened = ChangeMode(dir.fd.get(), 0700);
    if (!opened.ok()) {
      opened.failure().path = dir.path;
      return std::move(opened.failure());
    }
    next.fd = UniqueFd(::openat(dir.fd.get(), name, kFlags));
  }
  if (!next.fd && errno != ENOENT && errno != ENOTDIR) return Errno("openat", next.path);
  return next;
}

// Workdir, "work", "incompat", and the mark: as many of them as there are.
Result<std::vector<Opened>> OpenWay(int work, const std::string& work_path) {
  std::vector<Opened> way;
  way.push_back({UniqueFd(::openat(work, ".", O_PATH | O_DIRECTORY | O_CLOEXEC)), work_path});
  if (!way.back().fd) return Errno("openat", work_path);
  for (const char* name : kWay) {
    auto next = Enter(way.back(), name);
    if (!next.ok()) return std::move(next.failure());
    if (!next.value().fd) break;
    way.push_back(std::move(next.value()));
  }
  return way;
}

bool IsMarked(const std::vector<Opened>& way) { return way.size() == 1 + std::size(kWay); }

// Mode 0 again: means nothing to root, and the owner has to change it first.
Status Remove(const Opened& dir, const char* name, int flags) {
  if (::unlinkat(dir.fd.get(), name, flags) == 0 || errno == ENOENT) return Done{};
  if (errno == EACCES) {
    auto opened = ChangeMode(dir.fd.get(), 0700);
    if (!opened.ok()) {
      opened.failure().path = dir.path;
      return opened;
    }
    if (::unlinkat(dir.fd.get(), name, flags) == 0 || errno == ENOENT) return Done{};
  }
  return Errno("unlinkat", dir.path + "/" + name);
}

}  // namespace

Status RemoveVolatileMarker(int work, const std::string& work_path) {
  auto opened = OpenWay(work, work_path);
  if (!opened.ok()) return std::move(opened.failure());
  const std::vector<Opened>& way = opened.value();
  if (!IsMarked(way)) return Done{};
  auto status = Remove(way[3], "dirty", 0);
  if (status.ok()) status = Remove(way[2], "volatile", AT_REMOVEDIR);
  if (!status.ok()) return status;
  status = Remove(way[1], "incompat", AT_REMOVEDIR);
  // Another feature's mark may lie beside it, and then the directory stays.
  if (!status.ok() && status.failure().err == ENOTEMPTY) return Done{};
  return status;
}

Status PutVolatileMarker(int work, const std::string& work_path) {
  auto opened = OpenWay(work, work_path);
  if (!opened.ok()) return std::move(opened.failure());
  std::vector<Opened>& way = opened.value();
  while (!IsMarked(way)) {
    const char* const name = kWay[way.size() - 1];
    if (::mkdirat(way.back().fd.get(), name, 0700) != 0 && errno != EEXIST) {
      return Errno("mkdirat", way.back().path + "/" + name);
    }
    auto next = Enter(way.back(), name);
    if (!next.ok()) return std::move(next.failure());
    if (!next.value().fd) return Refusal(ENOENT, "openat", "replaced", next.value().path);
    way.push_back(std::move(next.value()));
  }
  return Done{};
}

Result<bool> HasVolatileMarker(int work, const std::string& work_path) {
  // As a rule there is none, and one look says so.
  struct stat st;
  const auto there = StatAt(work, "work/incompat", st);
  if (there.ok() && !there.value()) return false;
  auto way = OpenWay(work, work_path);
  if (!way.ok()) return std::move(way.failure());
  return IsMarked(way.value());
}

Status SyncFilesystem(int fd, const std::string& path) {
  if (::syncfs(fd) != 0) return Errno("syncfs", path);
  return Done{};
}

}  // namespace ovl
