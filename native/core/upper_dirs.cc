#include "core/upper_dirs.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/finding.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_xattr.h"
#include "core/upper_check.h"

namespace ovl {

namespace {

constexpr mode_t kPrivate = 0700;

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// Owner before attributes before mode: changing an owner clears set-id bits and capabilities.
Status CopyRootAttributes(int lower, int upper, MarkerSpace space, const std::string& path,
                          std::vector<const char*>& warnings) {
  auto st = StatFd(lower);
  if (!st.ok()) return std::move(st.failure());
  const struct stat& from = st.value();
  if (::fchown(upper, from.st_uid, from.st_gid) != 0) {
    // Not ours to give away, or an owner our user namespace does not know (EINVAL, EOVERFLOW).
    if (errno != EPERM && errno != EINVAL && errno != EOVERFLOW) return Errno("fchown", path);
    warnings.push_back("upper-owner");
  }
  auto list = ListXattrs(lower);
  if (!list.ok()) return std::move(list.failure());
  bool complete = true;
  for (const VisibleXattr& attribute : VisibleXattrs(list.value(), space)) {
    std::string value;
    auto got = GetXattr(lower, attribute.stored, value);
    if (!got.ok()) return std::move(got.failure());
    if (got.value() && !SetXattr(upper, attribute.stored, value).ok()) complete = false;
  }
  if (!complete) warnings.push_back("upper-xattrs");
  if (::fchmod(upper, from.st_mode & 07777) != 0) return Errno("fchmod", path);
  const struct timespec times[2] = {from.st_atim, from.st_mtim};
  if (::futimens(upper, times) != 0) return Errno("futimens", path);
  return Done{};
}

Result<UniqueFd> OpenNamed(const std::string& path, const char* not_directory) {
  auto fd = OpenDirectory(path);
  if (!fd.ok() && fd.failure().err == ENOTDIR) fd.failure().reason = not_directory;
  return fd;
}

Failure NotMade(Failure failure, const char* no_access) {
  if (failure.err == ENOENT) failure.reason = "parent-missing";
  if (failure.err == EROFS) failure.reason = "upper-read-only";
  if (failure.err == EACCES) failure.reason = no_access;
  return failure;
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

Result<UpperDirs> PrepareUpper(const std::string& upper, const std::optional<std::string>& work,
                               int lower, MarkerSpace space, CreatedDirs& created) {
  UpperDirs dirs;
  dirs.upper = WithoutTrailingSlashes(upper);
  bool fresh = false;
  auto made = created.Make(dirs.upper, fresh);
  if (!made.ok()) return NotMade(std::move(made.failure()), "upper-not-creatable");
  auto upper_fd = OpenNamed(dirs.upper, "upper-not-directory");
  if (!upper_fd.ok()) return std::move(upper_fd.failure());
  if (auto found = FindUpperMistake(upper_fd.value().get(), space, dirs.upper)) {
    return AsFailure(std::move(*found), "mount");
  }

  if (!work) {
    auto mount = IdentifyMount(upper_fd.value().get());
    if (!mount.ok()) return std::move(mount.failure());
    if (mount.value().root) return Refusal(EXDEV, "mount", "upper-is-mount", dirs.upper);
  }
  dirs.work = work ? WithoutTrailingSlashes(*work) : dirs.upper + ".work";
  bool fresh_work = false;
  made = created.Make(dirs.work, fresh_work);
  if (!made.ok()) return NotMade(std::move(made.failure()), "work-not-creatable");
  auto work_fd = OpenNamed(dirs.work, "work-not-directory");
  if (!work_fd.ok()) return std::move(work_fd.failure());
  if (auto found = FindWorkMistake(upper_fd.value().get(), work_fd.value().get(), dirs.upper,
                                   dirs.work, false)) {
    return AsFailure(std::move(*found), "mount");
  }
  struct stat st;
  auto there = StatAt(work_fd.value().get(), "work", st);
  if (!there.ok()) return std::move(there.failure());
  // The kernel makes it before it may fail.
  if (!there.value()) created.Expect(dirs.work + "/work");
  if (fresh) {
    auto status =
        CopyRootAttributes(lower, upper_fd.value().get(), space, dirs.upper, dirs.warnings);
    if (!status.ok()) return std::move(status.failure());
  }
  return dirs;
}

}  // namespace ovl
