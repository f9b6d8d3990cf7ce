#include "core/sides.h"

#include <utility>

#include "core/sys_file.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

Status ResolveUpperDirectory(const Layers& layers, const MergedDirectory& dir,
                             const std::string& name, Sides& sides) {
  const struct stat& st = sides.after.top.st;
  sides.after.kind = Found::Kind::kDirectory;
  sides.upper_dir = LayerDir::Child(dir.upper, name, st.st_dev, st.st_ino);
  auto marks = ReadDirectoryMarks(layers, sides.upper_dir);
  if (!marks.ok()) return std::move(marks.failure());
  sides.after.unknown = marks.value().unknown;
  if (marks.value().opaque) return Done{};
  // Where nothing merges with the directory a mount that follows no redirects does not look for
  // one.
  if (!dir.after.empty() || layers.marks.FollowsRedirects()) {
    sides.redirect = marks.value().redirect;
  }
  const std::string& redirect = sides.redirect;
  if (!redirect.empty()) {
    auto follow = layers.marks.CheckRedirect(sides.upper_dir, "");
    if (!follow.ok()) return follow;
  }
  if (redirect.empty() && !dir.split) {
    sides.after.dirs = sides.before.dirs;
    return Done{};
  }
  auto below =
      LookupName(layers, dir.after, LookupStart{redirect.empty() ? name : redirect, true, false});
  if (!below.ok()) return std::move(below.failure());
  sides.after.dirs = std::move(below.value().dirs);
  sides.after.unknown = sides.after.unknown || below.value().unknown;
  return Done{};
}

Status ResolveUpperFile(const Layers& layers, const MergedDirectory& dir, const std::string& name,
                        Sides& sides) {
  sides.after.kind = Found::Kind::kFile;
  sides.after.data = sides.after.top;
  if (layers.marks.space() == MarkerSpace::kUser && !S_ISREG(sides.after.top.st.st_mode)) {
    return Done{};  // user.* attributes exist on regular files and directories only
  }
  auto marks = ReadFileMarks(layers, sides.after.top);
  if (!marks.ok()) {
    if (marks.failure().err == ENOENT) return Done{};  // vanished; comparing it will notice
    return std::move(marks.failure());
  }
  sides.indexed = layers.indexed && marks.value().nlink;
  sides.origin = marks.value().origin;
  if (!S_ISREG(sides.after.top.st.st_mode)) return Done{};
  sides.after.data_unknown = marks.value().unknown;
  if (!marks.value().metacopy) return Done{};
  auto follow = layers.marks.CheckMetacopy(dir.upper, name);
  if (!follow.ok()) return follow;
  sides.redirect = marks.value().redirect;
  const std::string& redirect = sides.redirect;
  auto below =
      LookupName(layers, dir.after, LookupStart{redirect.empty() ? name : redirect, false, true});
  if (!below.ok()) {
    // Wherever the chain ends, it is this file that cannot be opened.
    if (IsMissingData(below.failure())) return MissingData(sides.after.top);
    return std::move(below.failure());
  }
  // Data-only layers are reached through an ordinary lower only.
  if (below.value().kind != Found::Kind::kFile) return MissingData(sides.after.top);
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
  if (!there.ok()) return Located(std::move(there.failure()), dir.upper, name);
  if (!there.value()) return false;
  sides.in_upper = true;
  auto whiteout = IsWhiteout(layers, dir.upper, name, st);
  if (!whiteout.ok()) return std::move(whiteout.failure());
  if (whiteout.value() == Whiteout::kYes) return true;
  sides.after.top = LayerEntry{dir.upper, name, st};
  auto status = S_ISDIR(st.st_mode) ? ResolveUpperDirectory(layers, dir, name, sides)
                                    : ResolveUpperFile(layers, dir, name, sides);
  if (!status.ok()) return std::move(status.failure());
  if (whiteout.value() == Whiteout::kUnknown) sides.after.unknown = true;
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
