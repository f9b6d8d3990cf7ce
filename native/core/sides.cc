#include "core/sides.h"

#include <dirent.h>

#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// `expected`: the upper has a directory of that name.
Status Before(const Layers& layers, const MergedDirectory& dir, const std::string& name,
              const Listed& listed, bool expected, Sides& sides) {
  if (listed.alone) return Done{};
  // The names of one that is not what shows now are read.
  const bool names_only = expected && !dir.split && layers.plain == nullptr;
  return LookupNameInto(layers, dir.before, LookupStart{name, false, false, names_only},
                        sides.before);
}

Status ResolveUpperDirectory(const Layers& layers, const MergedDirectory& dir,
                             const std::string& name, DirPtr upper, Sides& sides) {
  sides.after.kind = Found::Kind::kDirectory;
  sides.upper_dir = std::move(upper);
  auto marks = ReadDirectoryMarks(layers, sides.after.top, sides.after.xattrs, sides.upper_dir);
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

// Of an entry that nobody has examined `examined` is false.
Status ResolveUpperFile(const Layers& layers, const MergedDirectory& dir, const std::string& name,
                        bool examined, Sides& sides) {
  LayerEntry& top = sides.after.top;
  sides.after.kind = Found::Kind::kFile;
  sides.after.data = top;
  if (layers.marks.space() == MarkerSpace::kUser && !S_ISREG(top.st.st_mode)) {
    return Done{};  // user.* attributes exist on regular files and directories only
  }
  auto marks = ReadFileMarks(layers, top, sides.after.xattrs);
  if (!marks.ok()) return std::move(marks.failure());
  if (marks.value().whiteout && S_ISREG(top.st.st_mode)) {
    if (!examined) {
      auto fd = dir.upper->Fd();
      if (!fd.ok()) return std::move(fd.failure());
      auto there = StatAt(fd.value(), name, top.st);
      if (!there.ok()) return Located(std::move(there.failure()), dir.upper, name);
    }
    if (MayBeXattrWhiteout(top.st)) {
      sides.after = Found();
      return Done{};
    }
  }
  sides.indexed = layers.indexed && marks.value().nlink;
  sides.origin = marks.value().origin;
  if (!S_ISREG(top.st.st_mode)) return Done{};
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
    if (IsMissingData(below.failure())) return MissingData(top);
    return std::move(below.failure());
  }
  // Data-only layers are reached through an ordinary lower only.
  if (below.value().kind != Found::Kind::kFile) return MissingData(top);
  sides.after.data = std::move(below.value().data);
  return Done{};
}

// What nothing but listing the upper has told.
bool MayGoUnexamined(const Layers& layers, const Listed& listed) {
  switch (listed.type) {
    case DT_REG:
    case DT_LNK:
    case DT_FIFO:
    case DT_SOCK:
    case DT_BLK:
      // An empty file may be a whiteout, which is said where its marks cannot be read.
      return !listed.examine && layers.marks.readable();
    default:
      return false;
  }
}

// Fills in both sides of a name that the upper has. False if it has vanished.
Result<bool> ResolveInUpper(const Layers& layers, const MergedDirectory& dir,
                            const std::string& name, const Listed& listed, Sides& sides) {
  LayerEntry& top = sides.after.top;
  if (listed.type == DT_DIR) {
    auto opened = LayerDir::OpenedChild(dir.upper, name, DirUse::kRead, top.st);
    // Where it cannot be opened, or is something else by now, it is asked about as all others.
    if (opened.ok() && opened.value()) {
      sides.in_upper = true;
      auto before = Before(layers, dir, name, listed, true, sides);
      if (!before.ok()) return std::move(before.failure());
      top.dir = dir.upper;
      top.name = name;
      auto status = ResolveUpperDirectory(layers, dir, name, std::move(opened.value()), sides);
      if (!status.ok()) return std::move(status.failure());
      return true;
    }
  }
  bool looked_below = false;
  if (MayGoUnexamined(layers, listed)) {
    if (!looked_below) {
      auto before = Before(layers, dir, name, listed, false, sides);
      if (!before.ok()) return std::move(before.failure());
      looked_below = true;
    }
    if (sides.before.kind == Found::Kind::kNothing) {
      sides.in_upper = true;
      top.dir = dir.upper;
      top.name = name;
      top.st.st_mode = DTTOIF(listed.type);
      auto status = ResolveUpperFile(layers, dir, name, false, sides);
      if (!status.ok()) return std::move(status.failure());
      return true;
    }
  }
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
  if (!looked_below) {
    auto before = Before(layers, dir, name, listed, false, sides);
    if (!before.ok()) return std::move(before.failure());
  }
  if (layers.marks.space() != MarkerSpace::kNone && IsWhiteoutDevice(st)) return true;
  top.dir = dir.upper;
  top.name = name;
  top.st = st;
  if (S_ISDIR(st.st_mode)) {
    DirPtr upper = LayerDir::Child(dir.upper, name, st.st_dev, st.st_ino);
    auto status = ResolveUpperDirectory(layers, dir, name, std::move(upper), sides);
    if (!status.ok()) return std::move(status.failure());
    return true;
  }
  auto status = ResolveUpperFile(layers, dir, name, true, sides);
  if (!status.ok()) return std::move(status.failure());
  if (!layers.marks.readable() && MayBeXattrWhiteout(st)) sides.after.unknown = true;
  return true;
}

}  // namespace

void Sides::Clear() {
  before.Clear();
  after.Clear();
  in_upper = indexed = origin = false;
  upper_dir.reset();
  redirect.clear();
}

Status ResolveSides(const Layers& layers, const MergedDirectory& dir, const std::string& name,
                    const Listed& listed, Sides& sides) {
  sides.Clear();
  if (listed.in_upper) {
    auto there = ResolveInUpper(layers, dir, name, listed, sides);
    if (!there.ok() && !HasVanished(there.failure(), dir.upper, name)) {
      return std::move(there.failure());
    }
    if (there.ok() && there.value()) return Done{};
    sides.Clear();
  }
  auto before = Before(layers, dir, name, listed, false, sides);
  if (!before.ok()) return before;
  if (!dir.split) {
    sides.after = sides.before;
    return Done{};
  }
  return LookupNameInto(layers, dir.after, LookupStart{name, false, false}, sides.after);
}

}  // namespace ovl
