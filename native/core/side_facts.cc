#include "core/side_facts.h"

#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// Of the directories that lead to a path this many of the deepest stay open.
constexpr size_t kOpenLevels = 16;

void Close(const MergedDirectory& dir) {
  if (dir.upper) dir.upper->Close();
  for (const DirPtr& lower : dir.after) lower->Close();
  for (const DirPtr& lower : dir.before) lower->Close();
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

Result<SideReader::Both> SideReader::Read(std::string_view path) {
  Both both;
  if (path == ".") {
    auto before = RootFacts(layers_.lowers.front());
    if (!before.ok()) return std::move(before.failure());
    auto after = RootFacts(layers_.now());
    if (!after.ok()) return std::move(after.failure());
    both.before = std::move(before.value());
    both.after = std::move(after.value());
    return both;
  }
  const size_t slash = path.rfind('/');
  const bool top = slash == std::string_view::npos;
  auto there = GoTo(top ? std::string_view() : path.substr(0, slash));
  if (!there.ok()) return std::move(there.failure());
  const MergedDirectory& dir = levels_.back().dir;
  const std::string name(top ? path : path.substr(slash + 1));
  Sides sides;
  auto resolved = ResolveSides(layers_, dir, name, Unlisted(dir), sides);
  if (!resolved.ok()) return std::move(resolved.failure());
  auto indexed = ApplyIndex(sides);
  if (!indexed.ok()) return std::move(indexed.failure());
  auto before = FactsOf(sides.before);
  if (!before.ok()) return std::move(before.failure());
  auto after = FactsOf(sides.after);
  if (!after.ok()) return std::move(after.failure());
  both.before = std::move(before.value());
  both.after = std::move(after.value());
  return both;
}

Status SideReader::GoTo(std::string_view directory) {
  if (levels_.empty()) {
    Sides root;
    root.upper_dir = layers_.upper;
    root.before.dirs =
        DirStack(layers_.lowers.begin(),
                 layers_.lowers.begin() + static_cast<std::ptrdiff_t>(layers_.ordinary()));
    root.after.dirs = layers_.plain ? DirStack{layers_.plain} : root.before.dirs;
    Push({}, std::move(root));
  }
  while (!LeadsTo(levels_.back().path, directory)) {
    Close(levels_.back().dir);
    levels_.pop_back();
  }
  while (levels_.back().path.size() < directory.size()) {
    const Level& level = levels_.back();
    const size_t start = level.path.empty() ? 0 : level.path.size() + 1;
    const size_t end = std::min(directory.find('/', start), directory.size());
    const std::string name(directory.substr(start, end - start));
    Sides sides;
    auto resolved = ResolveSides(layers_, level.dir, name, Unlisted(level.dir), sides);
    if (!resolved.ok()) return resolved;
    Push(std::string(directory.substr(0, end)), std::move(sides));
  }
  return Done{};
}

void SideReader::Push(std::string path, Sides sides) {
  levels_.push_back(
      {std::move(path), MergedDirectory(std::move(sides.upper_dir), std::move(sides.after.dirs),
                                        std::move(sides.before.dirs))});
  if (levels_.size() > kOpenLevels) Close(levels_[levels_.size() - 1 - kOpenLevels].dir);
}

// A file of several names that the upper does not have may show as the index has it.
Status SideReader::ApplyIndex(Sides& sides) {
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

Result<SideFacts> SideReader::FactsOf(const Found& found) {
  SideFacts facts;
  if (found.kind == Found::Kind::kNothing) return facts;
  facts.there = true;
  facts.st = found.top.st;
  if (!S_ISLNK(facts.st.st_mode)) return facts;
  auto dir = found.top.dir->Fd();
  if (!dir.ok()) {
    if (dir.failure().err == ENOENT) return SideFacts{};
    return std::move(dir.failure());
  }
  auto target = ReadLinkAt(dir.value(), found.top.name);
  if (!target.ok()) {
    // It has vanished, or something else has taken its place.
    if (target.failure().err == ENOENT || target.failure().err == EINVAL) return SideFacts{};
    return Located(std::move(target.failure()), found.top.dir, found.top.name);
  }
  facts.target = std::move(target.value());
  return facts;
}

Result<SideFacts> SideReader::RootFacts(const DirPtr& root) {
  auto fd = root->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto st = StatFd(fd.value());
  if (!st.ok()) return Located(std::move(st.failure()), root, "");
  SideFacts facts;
  facts.there = true;
  facts.st = st.value();
  return facts;
}

}  // namespace ovl
