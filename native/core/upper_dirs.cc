#include "core/upper_dirs.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/overlay_magic.h"
#include "core/root_attributes.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

constexpr mode_t kPrivate = 0700;

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// The kernel mounts without attributes too, falls back in silence, and then cannot mark an opaque
// directory: what was deleted would come back.
Status CheckHoldsMarks(int upper, MarkerSpace space, const std::string& path) {
  const std::string probe = MarkerName(space, "node-overlayfs-probe");
  auto set = SetXattr(upper, probe, "");
  if (!set.ok()) {
    if (set.failure().err == EOPNOTSUPP) {
      return Refusal(EOPNOTSUPP, "fsetxattr", "upper-no-xattr", path);
    }
    return Refusal(set.failure().err, "fsetxattr", "", path);
  }
  if (::fremovexattr(upper, probe.c_str()) != 0) return Errno("fremovexattr", path);
  return Done{};
}

Status CheckUpper(int upper, MarkerSpace space, const std::string& path) {
  auto fs = StatFs(upper);
  if (!fs.ok()) return std::move(fs.failure());
  if (IsOverlay(fs.value())) return Refusal(EINVAL, "mount", "upper-on-overlay", path);
  if (IsReadOnly(fs.value())) return Refusal(EROFS, "mount", "upper-read-only", path);
  return CheckHoldsMarks(upper, space, path);
}

Result<UniqueFd> OpenNamed(const std::string& path, const char* not_directory) {
  auto fd = OpenDirectory(path);
  if (!fd.ok() && fd.failure().err == ENOTDIR) fd.failure().reason = not_directory;
  return fd;
}

Status CheckWork(int upper, int work, const UpperDirs& dirs, CreatedDirs& created) {
  auto upper_mount = IdentifyMount(upper);
  if (!upper_mount.ok()) return std::move(upper_mount.failure());
  auto work_mount = IdentifyMount(work);
  if (!work_mount.ok()) return std::move(work_mount.failure());
  // Not only the same filesystem: two bind mounts of it are refused as well.
  if (upper_mount.value().id != work_mount.value().id) {
    return Refusal(EXDEV, "mount", "work-other-mount", dirs.upper, dirs.work);
  }
  struct stat st;
  auto there = StatAt(work, "work", st);
  if (!there.ok()) return std::move(there.failure());
  if (!there.value())
    created.Expect(dirs.work + "/work");  // the kernel makes it before it may fail
  if (there.value() && !S_ISDIR(st.st_mode)) {
    return Refusal(EEXIST, "mount", "work-is-file", dirs.work + "/work");
  }
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
                               int lower, MarkerSpace space, CreatedDirs& created) {
  UpperDirs dirs;
  dirs.upper = WithoutTrailingSlashes(upper.path);
  bool fresh = false;
  auto made = created.Make(dirs.upper, fresh);
  if (!made.ok()) return std::move(made.failure());
  auto upper_fd = OpenNamed(dirs.upper, "upper-not-directory");
  if (!upper_fd.ok()) return std::move(upper_fd.failure());
  auto status = CheckUpper(upper_fd.value().get(), space, dirs.upper);
  if (!status.ok()) return std::move(status.failure());

  if (!work) {
    auto mount = IdentifyMount(upper_fd.value().get());
    if (!mount.ok()) return std::move(mount.failure());
    if (mount.value().root) return Refusal(EXDEV, "mount", "upper-is-mount", dirs.upper);
  }
  dirs.work = work ? WithoutTrailingSlashes(*work) : dirs.upper + ".work";
  bool fresh_work = false;
  made = created.Make(dirs.work, fresh_work);
  if (!made.ok()) return std::move(made.failure());
  auto work_fd = OpenNamed(dirs.work, "work-not-directory");
  if (!work_fd.ok()) return std::move(work_fd.failure());
  status = CheckWork(upper_fd.value().get(), work_fd.value().get(), dirs, created);
  if (!status.ok()) return std::move(status.failure());
  if (fresh || upper.init) {
    RootAttributes attributes;
    status = attributes.Read(lower, space);
    if (!status.ok()) return std::move(status.failure());
    status = attributes.Give(upper_fd.value().get(), dirs.upper, dirs.warnings);
    if (!status.ok()) return std::move(status.failure());
  }
  dirs.upper_fd = std::move(upper_fd.value());
  dirs.work_fd = std::move(work_fd.value());
  return dirs;
}

}  // namespace ovl
