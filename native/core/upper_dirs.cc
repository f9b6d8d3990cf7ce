#include "core/upper_dirs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/finding.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/upper_check.h"
#include "core/volatile_marker.h"

namespace ovl {

namespace {

constexpr mode_t kPrivate = 0700;

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Failure NotMade(Failure failure, const char* no_access) {
  if (failure.err == ENOENT) failure.reason = "parent-missing";
  if (failure.err == EROFS) failure.reason = "upper-read-only";
  if (failure.err == EACCES) failure.reason = no_access;
  return failure;
}

Result<UniqueFd> OpenOrMake(const std::string& path, const char* not_directory,
                            const char* no_access, CreatedDirs& created, bool& fresh) {
  auto fd = OpenDirectory(path);
  if (fd.ok()) return fd;
  auto made = created.Make(path, fresh);
  if (!made.ok()) return NotMade(std::move(made.failure()), no_access);
  fd = OpenDirectory(path);
  if (!fd.ok() && fd.failure().err == ENOTDIR) fd.failure().reason = not_directory;
  return fd;
}

Status OpenUpper(const UpperSpec& spec, MarkerSpace space, CreatedDirs& created, UpperDirs& dirs) {
  dirs.upper = WithoutTrailingSlashes(spec.path);
  auto fd =
      OpenOrMake(dirs.upper, "upper-not-directory", "upper-not-creatable", created, dirs.fresh);
  if (!fd.ok()) return std::move(fd.failure());
  if (auto found = FindUpperMistake(fd.value().get(), space, dirs.upper)) {
    return AsFailure(std::move(*found), *found->reason == '\0' ? "fstatfs" : "mount");
  }
  dirs.upper_fd = std::move(fd.value());
  return Done{};
}

Status OpenWork(const std::optional<std::string>& work, CreatedDirs& created, UpperDirs& dirs) {
  if (!work) {
    auto mount = IdentifyMount(dirs.upper_fd.get());
    if (!mount.ok()) return std::move(mount.failure());
    if (mount.value().root) return Refusal(EXDEV, "mount", "upper-is-mount", dirs.upper);
  }
  dirs.work = work ? WithoutTrailingSlashes(*work) : dirs.upper + ".work";
  auto fd =
      OpenOrMake(dirs.work, "work-not-directory", "work-not-creatable", created, dirs.fresh_work);
  if (!fd.ok()) return std::move(fd.failure());
  dirs.work_fd = std::move(fd.value());
  return Done{};
}

// The kernel makes "work" in the workdir before it may fail.
Status ExpectKernelsOwn(CreatedDirs& created, const UpperDirs& dirs) {
  struct stat st;
  auto there = StatAt(dirs.work_fd.get(), "work", st);
  if (!there.ok()) return std::move(there.failure());
  if (!there.value()) created.Expect(dirs.work + "/work");
  return Done{};
}

}  // namespace

CreatedDirs::~CreatedDirs() {
  // Best effort on the way out of a failure that is already being reported.
  for (size_t i = paths_.size(); i-- > 0;) (void)::rmdir(paths_[i].c_str());
}

Status CreatedDirs::Make(const std::string& path, bool& created) {
  created = ::mkdir(path.c_str(), kPrivate) == 0;
  if (created) {
    paths_.push_back(path);
    return Done{};
  }
  if (errno == EEXIST) return Done{};
  return Errno("mkdir", path);
}

Result<UpperDirs> PrepareUpper(const UpperSpec& upper, const std::optional<std::string>& work,
                               bool accept_unclean, MarkerSpace space, CreatedDirs& created) {
  UpperDirs dirs;
  auto status = OpenUpper(upper, space, created, dirs);
  if (status.ok()) status = OpenWork(work, created, dirs);
  if (!status.ok()) return std::move(status.failure());
  // The mark of a volatile mount can be hidden from an ordinary owner, by the kernel's own mode 0.
  auto marked = HasVolatileMarker(dirs.work_fd.get(), dirs.work);
  if (!marked.ok()) return std::move(marked.failure());
  if (auto found = FindWorkMistake(dirs.upper_fd.get(), dirs.work_fd.get(), dirs.upper, dirs.work,
                                   accept_unclean)) {
    return AsFailure(std::move(*found), "mount");
  }
  status = ExpectKernelsOwn(created, dirs);
  if (!status.ok()) return std::move(status.failure());
  return dirs;
}

}  // namespace ovl
