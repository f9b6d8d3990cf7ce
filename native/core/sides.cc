#include "core/sides.h"

#include <utility>

#include "core/sys_file.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

Failure At(Failure failure, const DirPtr& dir, const std::string& name) {
  failure.path = dir->PathOf(name);
  return failure;
}

Status ResolveUpperDirectory(const Layers& layers, const MergedDirectory& dir,
                             const std::string& name, Sides& sides) {
  const struct stat& st = sides.after.top.st;
  sides.after.kind = Found::Kind::kDirectory;
  sides.upper_dir = LayerDir::Child(dir.upper, name, st.st_dev, st.st_ino);
  auto marks = ReadDirectoryMarks(layers, sides.upper_dir);
  if (!marks.ok()) return std::move(marks.failure());
  if (marks.value().opaque) return Done{};
  const std::string& redirect = marks.value().redirect;
  if (redirect.empty() && !dir.split) {
    sides.after.dirs = sides.before.dirs;
    return Done{};
  }
  auto below =
      LookupName(layers, dir.after, LookupStart{redirect.empty() ? name : redirect, true, false});
  if (!below.ok()) return std::move(below.failure());
  sides.after.dirs = std::move(below.value().dirs);
  return Done{};
}

Status ResolveUpperFile(const Layers& layers, const MergedDirectory& dir, const std::string& name,
                        Sides& sides) {
  sides.after.kind = Found::Kind::kFile;
  sides.after.data = sides.after.top;
  if (!S_ISREG(sides.after.top.st.st_mode)) return Done{};
  auto fd = dir.upper->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto list = ListXattrsAt(fd.value(), name);
  if (!list.ok()) {
    if (list.failure().err == ENOENT) return Done{};  // vanished; comparing it will notice
    return At(std::move(list.failure()), dir.upper, name);
  }
  if (FindMarkers(list.value(), layers.space).nlink) {
    return Refusal(ENOTSUP, "listxattr", "indexed-hard-link", dir.upper->PathOf(name));
  }
  auto marks = ReadFileMarks(layers, dir.upper, name, list.value());
  if (!marks.ok()) return std::move(marks.failure());
  if (!marks.value().metacopy) return Done{};
  const std::string& redirect = marks.value().redirect;
  auto below =
      LookupName(layers, dir.after, LookupStart{redirect.empty() ? name : redirect, false, true});
  if (!below.ok()) return std::move(below.failure());
  sides.after.data = std::move(below.value().data);
  return Done{};
}

// Fills in what the upper has to say about a name. False if it has vanished.
Result<bool> ResolveUpper(const Layers& layers, const MergedDirectory& dir, const std::string& name,
                          Sides& sides) {
  auto fd = dir.upper->Fd();
  if (!fd.ok()) {
    if (fd.failure().err == ENOENT) return false;
    return std::move(fd.failure());
  }
  struct stat st;
  auto there = StatAt(fd.value(), name, st);
  if (!there.ok()) return At(std::move(there.failure()), dir.upper, name);
  if (!there.value()) return false;
  sides.in_upper = true;
  auto whiteout = IsWhiteout(layers, dir.upper, name, st);
  if (!whiteout.ok()) return std::move(whiteout.failure());
  if (whiteout.value()) return true;
  sides.after.top = LayerEntry{dir.upper, name, st};
  auto status = S_ISDIR(st.st_mode) ? ResolveUpperDirectory(layers, dir, name, sides)
                                    : ResolveUpperFile(layers, dir, name, sides);
  if (!status.ok()) return std::move(status.failure());
  return true;
}

}  // namespace

Result<Sides> ResolveSides(const Layers& layers, const MergedDirectory& dir,
                           const std::string& name, bool in_upper) {
  Sides sides;
  auto before = LookupName(layers, dir.before, LookupStart{name, false, false});
  if (!before.ok()) return std::move(before.failure());
  sides.before = std::move(before.value());
  if (in_upper) {
    auto there = ResolveUpper(layers, dir, name, sides);
    if (!there.ok()) return std::move(there.failure());
    if (there.value()) return sides;
  }
  if (!dir.split) {
    sides.after = sides.before;
    return sides;
  }
  auto after = LookupName(layers, dir.after, LookupStart{name, false, false});
  if (!after.ok()) return std::move(after.failure());
  sides.after = std::move(after.value());
  return sides;
}

}  // namespace ovl
