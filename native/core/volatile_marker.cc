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

}  // namespace

Status RemoveVolatileMarker(int work, const std::string& work_path) {
  auto there = HasVolatileMarker(work, work_path);
  if (!there.ok()) return std::move(there.failure());
  if (!there.value()) return Done{};
  auto status = Remove(work, work_path, kDirty, 0);
  if (status.ok()) status = Remove(work, work_path, kMarker, AT_REMOVEDIR);
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
  if (!there.ok() && there.failure().err == EACCES) {
    // The kernel makes "work" with mode 0: an ordinary owner has to open it first.
    if (::fchmodat(work, "work", 0700, 0) != 0) return At(Errno("fchmodat"), work_path, "work");
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
