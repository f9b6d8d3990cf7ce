#include "core/side_search.h"

#include <dirent.h>

#include <algorithm>
#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// Of the directories that lead to a path this many of the deepest stay open.
constexpr size_t kOpenLevels = 16;

template <typename Use>
void EachDirectory(const MergedDirectory& dir, Use use) {
  if (dir.upper) use(dir.upper);
  for (const DirPtr& lower : dir.after) use(lower);
  for (const DirPtr& lower : dir.before) use(lower);
}

// "a" leads to "a" and "a/b", not to "ab".
bool LeadsTo(std::string_view directory, std::string_view path) {
  return directory.empty() || (path.starts_with(directory) &&
                               (path.size() == directory.size() || path[directory.size()] == '/'));
}

// Nobody has listed the directory: a name may be there.
Listed Unlisted(const MergedDirectory& dir) {
  return {.in_upper = dir.upper != nullptr, .examine = true};
}

}  // namespace

Status SideSearch::Find(std::string_view path, SideEntry& entry) {
  if (path.empty()) {
    entry.name.clear();
    entry.directory = {};
    entry.place.reset();
    return FindRoot(entry.sides);
  }
  auto level = Name(path, entry);
  if (!level.ok()) return std::move(level.failure());
  const MergedDirectory& dir = level.value()->dir;
  auto resolved = ResolveSides(layers_, dir, entry.name, Unlisted(dir), entry.sides);
  if (!resolved.ok()) return resolved;
  return ApplyIndex(entry.sides);
}

Result<bool> SideSearch::FindInUpper(std::string_view path, SideEntry& entry) {
  if (path.empty() || !layers_.marks.readable()) return false;
  auto level = Name(path, entry);
  if (!level.ok()) return std::move(level.failure());
  const MergedDirectory& dir = level.value()->dir;
  if (!dir.upper) return false;
  const Listed file{.in_upper = true, .type = DT_REG, .alone = true};
  auto resolved = ResolveSides(layers_, dir, entry.name, file, entry.sides);
  if (!resolved.ok()) return std::move(resolved.failure());
  if (!entry.sides.in_upper) return false;  // it has vanished
  const Found& after = entry.sides.after;
  return after.kind == Found::Kind::kFile && after.data.dir == after.top.dir &&
         after.data.name == after.top.name;
}

// Everything of an entry but what it is; the directory that it is in.
Result<const SideSearch::Level*> SideSearch::Name(std::string_view path, SideEntry& entry) {
  const size_t slash = path.rfind('/');
  const bool top = slash == std::string_view::npos;
  auto there = GoTo(top ? std::string_view() : path.substr(0, slash));
  if (!there.ok()) return std::move(there.failure());
  const Level& level = levels_.back();
  entry.name.assign(top ? path : path.substr(slash + 1));
  entry.directory = level.st;
  entry.place = level.place;
  return &level;
}

// As it is: what a walk leaves out of the comparison of roots is no matter here.
Status SideSearch::FindRoot(Sides& sides) const {
  sides = Sides();
  sides.before.kind = sides.after.kind = Found::Kind::kDirectory;
  sides.before.top.dir = layers_.lowers.front();
  sides.after.top.dir = layers_.now();
  for (Found* side : {&sides.before, &sides.after}) {
    auto fd = side->top.dir->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    auto st = StatFd(fd.value());
    if (!st.ok()) return Located(std::move(st.failure()), side->top.dir, "");
    side->top.st = st.value();
  }
  sides.upper_dir = layers_.upper;
  sides.before.dirs =
      DirStack(layers_.lowers.begin(),
               layers_.lowers.begin() + static_cast<std::ptrdiff_t>(layers_.ordinary()));
  sides.after.dirs = layers_.plain ? DirStack{layers_.plain} : sides.before.dirs;
  return Done{};
}

Status SideSearch::GoTo(std::string_view directory) {
  if (levels_.empty()) {
    Sides root;
    auto found = FindRoot(root);
    if (!found.ok()) return found;
    Push({}, std::move(root), WalkPlace::Root());
  }
  while (!LeadsTo(levels_.back().path, directory)) {
    const Level left = std::move(levels_.back());
    levels_.pop_back();
    EachDirectory(left.dir, [](const DirPtr& dir) {
      (void)dir->OpenWayBack();
      dir->Close();
    });
  }
  while (levels_.back().path.size() < directory.size()) {
    const Level& level = levels_.back();
    const size_t start = level.path.empty() ? 0 : level.path.size() + 1;
    const size_t end = std::min(directory.find('/', start), directory.size());
    std::string name(directory.substr(start, end - start));
    Sides sides;
    auto resolved = ResolveSides(layers_, level.dir, name, Unlisted(level.dir), sides);
    if (!resolved.ok()) return resolved;
    auto place =
        std::make_shared<const WalkPlace>(level.place, std::move(name), std::move(sides.redirect));
    Push(std::string(directory.substr(0, end)), std::move(sides), std::move(place));
  }
  return Done{};
}

void SideSearch::Push(std::string path, Sides sides, WalkPlace::Ptr place) {
  levels_.push_back({std::move(path), sides.after.top.st,
                     MergedDirectory(std::move(sides.upper_dir), std::move(sides.after.dirs),
                                     std::move(sides.before.dirs)),
                     std::move(place)});
  if (levels_.size() <= kOpenLevels) return;
  EachDirectory(levels_[levels_.size() - 1 - kOpenLevels].dir,
                [](const DirPtr& dir) { dir->Close(); });
}

// A file of several names that the upper does not have may show as the index has it.
Status SideSearch::ApplyIndex(Sides& sides) {
  const Found& after = sides.after;
  const bool linked = after.kind == Found::Kind::kFile && after.top.st.st_nlink > 1;
  if (!linked || sides.in_upper || layers_.index_use == IndexUse::kOff) return Done{};
  if (layers_.index_use == IndexUse::kRead) {
    auto found = FindInIndex(layers_, after.top);
    if (!found.ok()) return std::move(found.failure());
    found.value().Apply(sides);
    return Done{};
  }
  if (!index_) {
    auto read = ReadLinkIndex(layers_);
    if (!read.ok()) return std::move(read.failure());
    index_ = std::move(read.value());
  }
  index_->Apply(sides);
  return Done{};
}

}  // namespace ovl
