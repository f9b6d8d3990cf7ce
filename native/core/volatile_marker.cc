#include "core/volatile_marker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr const char* kIncompat = "work/incompat";
constexpr const char* kMarker = "work/incompat/volatile";
constexpr const char* kDirty = "work/incompat/volatile/dirty";

Failure At(Failure failure, const std::string& work_path, const char* name) {
  failure.path = work_path + "/" + name;
  return failure;
}

Status Remove(int work, const std::string& work_path, const char* name, int flags) {
  if (::unlinkat(work, name, flags) == 0 || errno == ENOENT) return Done{};
  return At(Errno("unlinkat"), work_path, name);
}

// overlayfs makes its directories with mode 0, which only root can look into: their owner has to
// open them first.
Status OpenUp(int work, const std::string& work_path) {
  for (const char* name : {"work", kIncompat, kMarker}) {
    if (::fchmodat(work, name, 0700, 0) != 0) return At(Errno("fchmodat"), work_path, name);
  }
  return Done{};
}

}  // namespace

Status RemoveVolatileMarker(int work, const std::string& work_path) {
  // For root that is all; who is kept out, or meets an older kernel's mark, has to look.
  if (::unlinkat(work, kDirty, 0) != 0) {
    auto there = HasVolatileMarker(work, work_path);
    if (!there.ok()) return std::move(there.failure());
    if (!there.value()) return Done{};
    auto opened = OpenUp(work, work_path);
    if (opened.ok()) opened = Remove(work, work_path, kDirty, 0);
    if (!opened.ok()) return opened;
  }
  auto status = Remove(work, work_path, kMarker, AT_REMOVEDIR);
  if (!status.ok()) return status;
  // Another feature's mark may lie beside it, and then the directory stays.
  if (::unlinkat(work, kIncompat, AT_REMOVEDIR) != 0 && errno != ENOENT && errno != ENOTEMPTY) {
    return At(Errno("unlinkat"), work_path, kIncompat);
  }
  return Done{};
}

Result<bool> HasVolatileMarker(int work, const std::string& work_path) {
  struct stat st;
  auto there = StatAt(work, kMarker, st);
  for (const char* closed : {"work", kIncompat}) {
    if (there.ok() || there.failure().err != EACCES) break;
    if (::fchmodat(work, closed, 0700, 0) != 0) return At(Errno("fchmodat"), work_path, closed);
    there = StatAt(work, kMarker, st);
  }
  if (!there.ok()) return At(std::move(there.failure()), work_path, kMarker);
  return there.value();
}

Status SyncFilesystem(int fd, const std::string& path) {
  if (::syncfs(fd) != 0) return Errno("syncfs", path);
  return Done{};
}

}  // namespace ovl
