#include "core/merged_frame.h"

#include <algorithm>
#include <cstddef>
#include <functional>

#include "core/chain_release.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

// The lowers are listed where they have at most half as many names as the upper, and that is worth
// planning.
constexpr size_t kFewToJoin = 32;
constexpr size_t kBytesOfName = 32;  // that a directory is long by

DirStack Ordinary(const Layers& layers) {
  return DirStack(layers.lowers.begin(),
                  layers.lowers.begin() + static_cast<std::ptrdiff_t>(layers.ordinary()));
}

MergedDirectory Borrow(const MergedDirectory& owned) {
  const auto each = [](const DirStack& stack) {
    DirStack out;
    for (const DirPtr& dir : stack) out.push_back(Borrowed(dir));
    return out;
  };
  return MergedDirectory(Borrowed(owned.upper), each(owned.after), each(owned.before));
}

// "a", "b" and "c" of parts that come last first.
std::string Joined(const std::vector<std::string_view>& parts) {
  std::string path;
  for (size_t i = parts.size(); i-- > 0;) {
    if (parts[i].empty()) continue;
    if (!path.empty()) path.push_back('/');
    path.append(parts[i]);
  }
  return path;
}

}  // namespace

WalkPlace::~WalkPlace() { ReleaseChain(above_); }

std::string WalkPlace::PathOf(std::string_view name) const {
  std::vector<std::string_view> parts{name};
  for (const WalkPlace* at = this; at != nullptr; at = at->above_.get()) {
    parts.emplace_back(at->name_);
  }
  return Joined(parts);
}

std::string WalkPlace::PathBefore(std::string_view name) const {
  std::vector<std::string_view> parts{name};
  for (const WalkPlace* at = this; at != nullptr; at = at->above_.get()) {
    if (at->redirect_.empty()) {
      parts.emplace_back(at->name_);
    } else if (at->redirect_[0] == '/') {
      parts.push_back(std::string_view(at->redirect_).substr(1));
      break;
    } else {
      parts.emplace_back(at->redirect_);
    }
  }
  return Joined(parts);
}

std::string WalkPlace::PathBefore(std::string_view name, const std::string& redirect) const {
  if (redirect.empty()) return PathBefore(name);
  return redirect[0] == '/' ? redirect.substr(1) : PathBefore(redirect);
}

void WalkEntry::Own() {
  for (Found* side : {&sides.before, &sides.after}) {
    for (LayerEntry* entry : {&side->top, &side->data}) entry->dir = Owned(entry->dir);
    for (DirPtr& dir : side->dirs) dir = Owned(dir);
  }
  sides.upper_dir = Owned(sides.upper_dir);
}

MergedFrame::MergedFrame(MergedDirectory merged, WalkPlace::Ptr place, PathFilter::Scope filter,
                         const WalkScope& scope)
    : owned_(std::move(merged)),
      dir_(Borrow(owned_)),
      place_(std::move(place)),
      filter_(std::move(filter)),
      scope_(scope) {
  const bool held = scope.index != nullptr && scope.index->Holds(dir_.after);
  may_join_ = dir_.upper && !dir_.split && !held && !dir_.after.empty();
  if (dir_.split || held) {
    for (const DirPtr& lower : dir_.after) to_read_.emplace_back(lower, kInLower);
  }
  if (dir_.split) {
    for (const DirPtr& lower : dir_.before) to_read_.emplace_back(lower, kInLower);
  }
  if (dir_.upper) to_read_.emplace_back(dir_.upper, kInUpper);
}

Status MergedFrame::VisitRoot(const Layers& layers, const WalkScope& scope, WalkEntry& entry) {
  entry.name.assign(1, '.');  // assigning "." makes GCC 12 warn of an overlap (-Wrestrict) at -O3
  Sides& root = entry.sides;
  root.before.kind = root.after.kind = Found::Kind::kDirectory;
  root.before.top.dir = layers.lowers.front();
  root.after.top.dir = layers.now();
  for (Found* side : {&root.before, &root.after}) {
    auto fd = side->top.dir->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    auto st = StatFd(fd.value());
    if (!st.ok()) return Located(std::move(st.failure()), side->top.dir, "");
    side->top.st = st.value();
  }
  // An ordinary user cannot give the upper the owner of the lower root; that is said once when
  // mounting and not in every list.
  if (layers.marks.SaidUser()) {
    root.before.top.st.st_uid = root.after.top.st.st_uid;
    root.before.top.st.st_gid = root.after.top.st.st_gid;
  }
  root.upper_dir = layers.upper;
  root.before.dirs = Ordinary(layers);
  root.after.dirs = layers.plain ? DirStack{layers.plain} : root.before.dirs;
  entry.filter = scope.filter.Root();
  entry.root = true;
  entry.chosen = entry.filter.answer == PathFilter::Answer::kChosen;
  return Done{};
}

Result<bool> MergedFrame::Read() {
  if (sorted_) return false;
  if (!to_read_.empty()) {
    auto status = List();
    if (!status.ok()) return std::move(status.failure());
    if (!to_read_.empty()) return true;
    PlanJoin();
  } else if (!to_join_.empty()) {
    Join();
  }
  sorted_ = to_join_.empty();
  return !sorted_;
}

Status MergedFrame::List() {
  const DirPtr& dir = to_read_.back().first;
  const NameSource source = to_read_.back().second;
  auto fd = Readable(dir);
  if (!fd.ok()) return std::move(fd.failure());
  const bool there = fd.value() >= 0;
  // Of an untouched directory only the names of files that an index keeps together matter.
  const bool few = source == kInLower && !dir_.split;
  const auto add = [&](const DirEntry& entry) {
    if (few && !scope_.index->Concerns(dir, entry)) return;
    // A name is held once, however many directories of a million names have it.
    if (names_.Mark(entry.name, source)) return;
    names_.Add(entry.name, source, source == kInUpper ? entry.type : 0);
  };
  // By reference: for a copy std::function would take memory, for every directory.
  auto more = there ? ReadSomeEntries(fd.value(), std::cref(add)) : Result<bool>(false);
  if (!more.ok()) return Located(std::move(more.failure()), dir, "");
  if (!more.value()) {
    reading_.Reset();
    to_read_.pop_back();
    names_.Sort();
  }
  return Done{};
}

// To list a name costs about a fifth of a lookup, which for a new file is all that is asked of the
// lowers.
void MergedFrame::PlanJoin() {
  if (!may_join_) return;
  most_to_join_ = names_.size() / 2;
  if (most_to_join_ < kFewToJoin) return;
  uint64_t bytes = 0;
  for (const DirPtr& lower : dir_.after) {
    auto fd = lower->Fd();
    if (!fd.ok()) return;
    auto st = StatFd(fd.value());
    if (!st.ok()) return;
    bytes += static_cast<uint64_t>(st.value().st_size);
  }
  // What the size of a directory means is the filesystem's affair: the names are counted as well.
  if (bytes > most_to_join_ * kBytesOfName) return;
  to_join_ = dir_.after;
  joined_ = true;
}

// Whoever may look up names in a directory may not always list it: without that it is as if
// nothing had been planned.
void MergedFrame::Join() {
  const DirPtr& dir = to_join_.back();
  auto fd = Readable(dir);
  bool good = fd.ok() && fd.value() >= 0;
  if (good) {
    size_t names = 0;
    auto more = ReadSomeEntries(fd.value(), [&](const DirEntry& entry) {
      ++names;
      (void)names_.Mark(entry.name, kInLower);
    });
    good = more.ok() && names <= most_to_join_;
    most_to_join_ -= good ? names : 0;
    if (good && more.value()) return;
    good = good && ListsEveryName(fd.value());
  }
  reading_.Reset();
  joined_ = good;
  if (good) {
    to_join_.pop_back();
  } else {
    to_join_.clear();
  }
}

Result<int> MergedFrame::Readable(const DirPtr& dir) {
  if (reading_) return reading_.get();
  auto fd = dir->Fd();
  if (!fd.ok()) {
    // A directory may vanish between being named and being opened.
    if (fd.failure().err == ENOENT) return -1;
    return std::move(fd.failure());
  }
  if (dir->use() == DirUse::kRead) return fd;
  auto own = OpenDirectoryAt(fd.value(), ".");
  if (!own.ok()) {
    if (own.failure().err == ENOENT) return -1;
    return Located(std::move(own.failure()), dir, "");
  }
  reading_ = std::move(own.value());
  return reading_.get();
}

Result<bool> MergedFrame::Visit(const Layers& layers, size_t i, WalkEntry& entry) const {
  entry.name.assign(names_.name(i));
  entry.filter = scope_.filter.Below(filter_, entry.name);
  if (entry.filter.answer == PathFilter::Answer::kPruned) return false;
  const Listed listed{.in_upper = names_.InUpper(i),
                      .type = names_.type(i),
                      .examine = scope_.every_name,
                      .alone = joined_ && !names_.InLower(i)};
  auto status = ResolveSides(layers, dir_, entry.name, listed, entry.sides);
  if (!status.ok()) return std::move(status.failure());
  entry.chosen = entry.filter.answer == PathFilter::Answer::kChosen;
  entry.root = false;
  if (entry.place != place_) entry.place = place_;  // shared by threads, and seldom another
  if (scope_.index != nullptr) scope_.index->Apply(entry.sides);
  entry.redirected_from.clear();
  if (!entry.sides.redirect.empty()) {
    std::string from = place_->PathBefore(entry.name, entry.sides.redirect);
    if (from != place_->PathOf(entry.name)) entry.redirected_from = std::move(from);
  }
  return true;
}

bool MergedFrame::GoesBelow(const Layers& layers, const WalkScope& scope, const WalkEntry& entry) {
  const Found& before = entry.sides.before;
  const Found& after = entry.sides.after;
  const bool was = before.kind == Found::Kind::kDirectory;
  const bool is = after.kind == Found::Kind::kDirectory;
  if (entry.filter.answer == PathFilter::Answer::kPruned || (!was && !is)) return false;
  if (entry.sides.upper_dir) return true;
  const bool held = scope.index != nullptr && scope.index->Holds(before.dirs);
  if (is) return held || !SameStack(after.dirs, before.dirs);
  // What lay below a removed directory follows only if it was asked for.
  return scope.expand || entry.filter.answer == PathFilter::Answer::kPassing ||
         (scope.every_name && (held || layers.plain));
}

std::shared_ptr<MergedFrame> MergedFrame::Below(WalkEntry& entry, const WalkScope& scope) {
  Sides& sides = entry.sides;
  if (sides.after.kind != Found::Kind::kDirectory) PathFilter::Removed(entry.filter);
  auto place = entry.root ? WalkPlace::Root()
                          : std::make_shared<const WalkPlace>(entry.place, entry.name,
                                                              std::move(sides.redirect));
  return std::make_shared<MergedFrame>(
      MergedDirectory(std::move(sides.upper_dir), std::move(sides.after.dirs),
                      std::move(sides.before.dirs)),
      std::move(place), std::move(entry.filter), scope);
}

}  // namespace ovl
