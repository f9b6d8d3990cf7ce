#include "core/overlay_diagnosis.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/mount_table.h"
#include "core/overlay_magic.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

constexpr unsigned long kProcMagic = 0x9fa0;

struct Cause {
  const char* reason;
  std::string path;
  std::string dest;
};

// Whether `inner` is `outer` or lies somewhere below it: by device and inode on the way up to the
// root, since two names may lead to one directory.
bool IsWithin(const std::string& inner, const std::string& outer) {
  auto wanted = OpenPath(outer);
  if (!wanted.ok()) return false;
  auto wanted_st = StatFd(wanted.value().get());
  auto at = OpenDirectory(inner);
  if (!wanted_st.ok()) return false;
  struct stat previous {};
  while (at.ok()) {
    auto st = StatFd(at.value().get());
    if (!st.ok()) return false;
    const struct stat& here = st.value();
    if (here.st_dev == wanted_st.value().st_dev && here.st_ino == wanted_st.value().st_ino) {
      return true;
    }
    if (here.st_dev == previous.st_dev && here.st_ino == previous.st_ino)
      return false;  // "/.." = "/"
    previous = here;
    at = OpenParent(at.value().get());
  }
  return false;
}

bool HasEntries(const std::string& path) {
  auto fd = OpenDirectory(path);
  if (!fd.ok()) return false;
  NameList names;
  for (;;) {
    auto more = ReadSomeNames(fd.value().get(), kInUpper, names);
    if (!more.ok() || !more.value()) return names.size() > 0;
  }
}

Result<struct statfs> FilesystemOf(const std::string& path) {
  auto fd = OpenPath(path);
  if (!fd.ok()) return std::move(fd.failure());
  return StatFs(fd.value().get());
}

bool LiesOnOverlay(const std::string& path) {
  auto fs = FilesystemOf(path);
  return fs.ok() && IsOverlay(fs.value());
}

bool LiesOnProc(const std::string& path) {
  auto fs = FilesystemOf(path);
  return fs.ok() && static_cast<unsigned long>(fs.value().f_type) == kProcMagic;
}

// Whether the overlay a path lies on has a layer on an overlay itself: then there are two already.
bool LiesOnTwoOverlays(const std::string& path, const std::vector<MountEntry>& table) {
  if (!LiesOnOverlay(path)) return false;
  auto fd = OpenPath(path);
  if (!fd.ok()) return false;
  auto id = TableMountId(fd.value().get());
  if (!id.ok()) return false;
  for (const MountEntry& entry : table) {
    if (entry.id != id.value()) continue;
    const OverlayOptions options = ParseOverlayOptions(entry.super_options);
    return std::any_of(options.lower.begin(), options.lower.end(), LiesOnOverlay);
  }
  return false;
}

bool HasMountsBelow(const std::string& path, const std::vector<MountEntry>& table) {
  auto fd = OpenPath(path);
  if (!fd.ok()) return false;
  auto resolved = PathOfFd(fd.value().get());
  if (!resolved.ok()) return false;
  const std::string prefix = resolved.value() == "/" ? "/" : resolved.value() + "/";
  return std::any_of(table.begin(), table.end(), [&](const MountEntry& entry) {
    return entry.target.size() > prefix.size() && entry.target.starts_with(prefix);
  });
}

std::optional<Cause> InvalidArgument(const OverlayOptions& options) {
  if (!options.upper) {
    if (options.lower.size() == 1) return Cause{"single-lower", options.lower.front(), ""};
  } else {
    if (IsWithin(*options.work, *options.upper)) {
      return Cause{"work-inside-upper", *options.work, *options.upper};
    }
    if (IsWithin(*options.upper, *options.work)) {
      return Cause{"upper-inside-work", *options.upper, *options.work};
    }
    const std::string incompat = *options.work + "/work/incompat";
    if (HasEntries(incompat)) return Cause{"work-incompat", incompat, ""};
  }
  auto table = ReadMountTable();
  if (!table.ok()) return std::nullopt;
  for (const std::string& lower : options.lower) {
    if (LiesOnProc(lower)) return Cause{"lower-on-proc", lower, ""};
    if (LiesOnTwoOverlays(lower, table.value())) return Cause{"stacked-too-deep", lower, ""};
    // In a user namespace inherited mounts are locked to what they cover.
    if (!CanReadTrustedXattrs() && HasMountsBelow(lower, table.value())) {
      return Cause{"lower-locked-mounts", lower, ""};
    }
  }
  return std::nullopt;
}

std::optional<Cause> Overlap(const OverlayOptions& options) {
  for (size_t i = 0; i < options.lower.size(); ++i) {
    const std::string& lower = options.lower[i];
    for (size_t j = 0; j < options.lower.size(); ++j) {
      if (i != j && IsWithin(lower, options.lower[j])) {
        return Cause{"lowers-overlap", lower, options.lower[j]};
      }
    }
    if (options.upper && IsWithin(lower, *options.upper)) {
      return Cause{"lower-inside-upper", lower, *options.upper};
    }
    if (options.work && IsWithin(lower, *options.work)) {
      return Cause{"lower-inside-work", lower, *options.work};
    }
  }
  return std::nullopt;
}

}  // namespace

Failure Diagnose(Failure failure, const OverlayOptions& options, const std::string& target) {
  std::optional<Cause> cause;
  switch (failure.err) {
    case EINVAL:
      cause = InvalidArgument(options);
      break;
    case ELOOP:
      cause = Overlap(options);
      break;
    case ESTALE:
      cause = Cause{"stale-origin", options.upper.value_or(""), ""};
      break;
    case ENODEV:
      cause = Cause{"no-overlay", "overlay", ""};
      break;
    default:
      break;
  }
  if (!cause) return failure;
  failure.reason = cause->reason;
  failure.path = std::move(cause->path);
  failure.dest = target;
  if (!cause->dest.empty()) failure.dest = std::move(cause->dest);
  return failure;
}

}  // namespace ovl
