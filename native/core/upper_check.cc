#include "core/upper_check.h"

#include <dirent.h>
#include <sys/stat.h>

#include <string_view>
#include <utility>
#include <vector>

#include "core/filesystem_fitness.h"
#include "core/overlay_magic.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

constexpr const char* kWork = "work";
constexpr const char* kIncompat = "incompat";
constexpr const char* kVolatile = "volatile";

// The kernel mounts without attributes too, falls back in silence, and then cannot mark an opaque
// directory: what was deleted would come back.
std::optional<Finding> FindNoMarks(int upper, MarkerSpace space, const std::string& path) {
  const auto can = CanHoldXattr(upper, MarkerName(space, "opaque"));
  if (!can.ok() || can.value()) return std::nullopt;
  return Mistake(EOPNOTSUPP, "upper-no-xattr", path);
}

// Without types whiteouts show as devices. "." has one as well, so an empty directory tells.
std::optional<Finding> FindNoTypes(int upper, const struct statfs& fs, const std::string& path) {
  if (AlwaysTellsTypes(static_cast<unsigned long>(fs.f_type))) return std::nullopt;
  auto again = OpenDirectoryAt(upper, ".");  // with a position of its own
  if (!again.ok()) return std::nullopt;
  const auto tells = TellsTypes(again.value().get());
  if (!tells.ok() || tells.value()) return std::nullopt;
  return Mistake(EOPNOTSUPP, "upper-no-dtype", path);
}

struct Entry {
  std::string name;
  bool directory;
};

// The entries of a directory; none where it cannot be read.
std::vector<Entry> EntriesOf(int dir) {
  std::vector<Entry> entries;
  for (bool more = true; more;) {
    const auto some = ReadSomeEntries(dir, [&](const DirEntry& entry) {
      entries.push_back(Entry{std::string(entry.name), entry.type == DT_DIR});
    });
    more = some.ok() && some.value();
  }
  return entries;
}

std::vector<Entry> EntriesOf(int dir, const std::string& name) {
  auto fd = OpenDirectoryAt(dir, name);
  return fd.ok() ? EntriesOf(fd.value().get()) : std::vector<Entry>();
}

// work/incompat holds one directory for each feature that other kernels must not ignore.
std::optional<Finding> FindIncompat(int work, const std::string& path, bool accept_volatile) {
  for (const Entry& feature : EntriesOf(work, kIncompat)) {
    std::string found = path + "/" + kIncompat + "/" + feature.name;
    if (feature.name != kVolatile) {
      return Mistake(EINVAL, "work-incompat", std::move(found), "", feature.name);
    }
    if (!accept_volatile) return Mistake(EINVAL, "work-volatile", std::move(found));
  }
  return std::nullopt;
}

// The kernel removes the entries of "work" and what lies directly in them. Its own names begin with
// '#'; anything else is somebody's, and would be gone.
std::optional<Finding> FindInWork(int work, const std::string& path, bool accept_volatile) {
  std::optional<Finding> nested;
  for (const Entry& entry : EntriesOf(work)) {
    const std::string found = path + "/" + entry.name;
    if (entry.name == kIncompat) {
      if (auto incompat = FindIncompat(work, path, accept_volatile)) return incompat;
      continue;
    }
    if (!entry.name.starts_with('#')) return Mistake(ENOTEMPTY, "work-foreign", found);
    if (!entry.directory || nested) continue;
    auto inner = OpenDirectoryAt(work, entry.name);
    if (!inner.ok()) continue;
    for (const Entry& second : EntriesOf(inner.value().get())) {
      if (!second.directory || EntriesOf(inner.value().get(), second.name).empty()) continue;
      nested = Mistake(ENOTEMPTY, "work-nested", found + "/" + second.name);
    }
  }
  return nested;
}

}  // namespace

std::optional<Finding> FindUpperMistake(int upper, MarkerSpace space, const std::string& path) {
  const auto fs = StatFs(upper);
  if (!fs.ok()) return Unanswered(fs.failure(), path);
  if (IsOverlay(fs.value())) return Mistake(EINVAL, "upper-on-overlay", path);
  if (IsReadOnly(fs.value())) return Mistake(EROFS, "upper-read-only", path);
  auto type = JudgeUpperType(static_cast<unsigned long>(fs.value().f_type), path);
  if (type && type->severity == Severity::kError) return type;
  if (auto found = FindNoMarks(upper, space, path)) return found;
  if (auto found = FindNoTypes(upper, fs.value(), path)) return found;
  // The overlay could be written, and each write would fail.
  if ((InodeFlags(upper) & kImmutable) != 0) return Mistake(EPERM, "upper-immutable", path);
  return std::nullopt;
}

std::optional<Finding> FindLeftover(int work, const std::string& work_path, bool accept_volatile) {
  const std::string path = work_path + "/" + kWork;
  auto fd = OpenDirectoryAt(work, kWork);
  if (fd.ok()) return FindInWork(fd.value().get(), path, accept_volatile);
  struct stat st;
  const auto there = StatAt(work, kWork, st);
  // The kernel would delete it.
  const bool file = there.ok() && there.value() && !S_ISDIR(st.st_mode);
  if (file) return Mistake(EEXIST, "work-is-file", path);
  // Nothing there, or mode 000, as the kernel leaves it: an ordinary user cannot look into his own.
  return std::nullopt;
}

std::optional<Finding> FindWorkMistake(int upper, int work, const std::string& upper_path,
                                       const std::string& work_path, bool accept_volatile) {
  const auto upper_mount = IdentifyMount(upper);
  if (!upper_mount.ok()) return Mistake(upper_mount.failure().err, "no-mount-id", upper_path);
  const auto work_mount = IdentifyMount(work);
  if (!work_mount.ok()) return Mistake(work_mount.failure().err, "no-mount-id", work_path);
  // Not only the same filesystem: two bind mounts of it are refused as well.
  if (upper_mount.value().id != work_mount.value().id) {
    return Mistake(EXDEV, "work-other-mount", upper_path, work_path);
  }
  // The kernel would mount read-only and say nothing.
  if ((InodeFlags(work) & (kImmutable | kAppendOnly)) != 0) {
    return Mistake(EPERM, "work-immutable", work_path);
  }
  return FindLeftover(work, work_path, accept_volatile);
}

}  // namespace ovl
