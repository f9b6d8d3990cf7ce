#include "core/upper_inspection.h"

#include <cerrno>
#include <utility>

#include "core/filesystem_fitness.h"
#include "core/layer_ancestry.h"
#include "core/overlay_magic.h"
#include "core/sys_privilege.h"
#include "core/upper_check.h"

namespace ovl {

namespace {

void Add(std::optional<Finding> finding, Findings& out) {
  if (finding) out.push_back(std::move(*finding));
}

// Rootless the mount is made with all capabilities over what belongs to the caller.
bool MayWrite(const LayerPlace& place) {
  return MayCreateIn(place) || (!MayMount() && IsOwnerMapped(place.st));
}

// A directory that we would create. False where that cannot work.
bool CheckNew(const LayerPlace& place, const char* not_creatable, Findings& out) {
  if (place.missing.find('/') != std::string::npos) {
    out.push_back(Mistake(ENOENT, "parent-missing", place.path));
    return false;
  }
  // A read-only filesystem is found by itself.
  if (IsReadOnly(place.fs) || MayCreateIn(place)) return true;
  out.push_back(Mistake(EACCES, not_creatable, place.path));
  return false;
}

// The nearest directory that exists; nothing where there is none.
std::optional<LayerPlace> FindDirectory(const std::string& path, const char* not_directory,
                                        Findings& out) {
  auto place = FindPlace(path);
  if (!place.ok()) {
    out.push_back(NotReached(place.failure(), path, not_directory));
    return std::nullopt;
  }
  if (!place.value().IsDirectory()) {
    out.push_back(Mistake(ENOTDIR, not_directory, path));
    return std::nullopt;
  }
  return std::move(place.value());
}

void JudgeFilesystem(const LayerPlace& place, MarkerSpace space, Findings& out) {
  auto readable = OpenForReading(place);
  // Where we may not read, what statfs(2) says has to do.
  const int fd = readable.ok() ? readable.value().get() : place.fd.get();
  Add(FindUpperMistake(fd, space, place.path), out);
  auto type = JudgeUpperType(static_cast<unsigned long>(place.fs.f_type), place.path);
  if (type && type->severity == Severity::kWarning) Add(std::move(type), out);
}

void JudgeWork(const LayerPlace& upper, const LayerPlace& work, bool accept_unclean,
               const std::vector<MountEntry>& table, Findings& out) {
  const Ancestry upper_at = AncestryOf(upper, table);
  const Ancestry work_at = AncestryOf(work, table);
  if (IsWithin(work_at, upper_at)) {
    return out.push_back(Mistake(EINVAL, "work-inside-upper", work.path, upper.path));
  }
  if (IsWithin(upper_at, work_at)) {
    return out.push_back(Mistake(EINVAL, "upper-inside-work", upper.path, work.path));
  }
  if (!work.exists()) {
    if (CheckNew(work, "work-not-creatable", out) && work.mount.id != upper.mount.id) {
      out.push_back(Mistake(EXDEV, "work-other-mount", upper.path, work.path));
    }
    return;
  }
  auto readable = OpenForReading(work);
  const int fd = readable.ok() ? readable.value().get() : work.fd.get();
  Add(FindWorkMistake(upper.fd.get(), fd, upper.path, work.path, accept_unclean), out);
  if (!IsReadOnly(work.fs) && !MayWrite(work)) {
    out.push_back(Mistake(EACCES, "work-not-writable", work.path));
  }
}

std::string WorkPath(const OverlaySpec& spec) {
  if (spec.work) return *spec.work;
  std::string path = spec.upper.path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path + ".work";
}

}  // namespace

UpperPlaces InspectUpper(const OverlaySpec& spec, MarkerSpace space,
                         const std::vector<MountEntry>& table, Findings& out) {
  UpperPlaces places;
  const bool directory = spec.upper.kind == UpperKind::kDirectory;
  if (!directory && spec.upper.kind != UpperKind::kTemporary) return places;
  auto upper = FindDirectory(spec.upper.path, "upper-not-directory", out);
  if (!upper) return places;
  if (!directory && !upper->exists()) {
    out.push_back(Mistake(ENOENT, "parent-missing", upper->path));
    return places;
  }
  JudgeFilesystem(*upper, space, out);
  if (!directory || !upper->exists()) {
    if (!CheckNew(*upper, "upper-not-creatable", out)) return places;
  } else if (!IsReadOnly(upper->fs) && !MayWrite(*upper)) {
    out.push_back(Warning(EACCES, "upper-not-writable", upper->path));
  }
  places.upper = std::move(upper);
  if (!directory) return places;
  // No directory beside it is on the same mount.
  if (!spec.work && places.upper->exists() && places.upper->mount.root) {
    out.push_back(Mistake(EXDEV, "upper-is-mount", places.upper->path));
    return places;
  }
  places.work = FindDirectory(WorkPath(spec), "work-not-directory", out);
  if (places.work) JudgeWork(*places.upper, *places.work, spec.accept_unclean, table, out);
  return places;
}

Findings InspectUpperParent(const std::string& path) {
  Findings found;
  const auto place = FindDirectory(path, "upper-not-directory", found);
  if (!place) return found;
  const MarkerSpace space = CanReadTrustedXattrs() ? MarkerSpace::kTrusted : MarkerSpace::kUser;
  JudgeFilesystem(*place, space, found);
  if (!IsReadOnly(place->fs) && !MayCreateIn(*place)) {
    found.push_back(Mistake(EACCES, "upper-not-creatable", path));
  }
  return found;
}

}  // namespace ovl
