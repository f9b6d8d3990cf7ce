#include "core/merged_walk.h"

#include <algorithm>
#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// Directory descriptors kept open at a time, in all levels together: far below the usual limit of
// 1024 for a process, so that several walks fit.
constexpr size_t kOpenDirectories = 256;
constexpr size_t kMinOpenLevels = 1;

std::string Join(const std::string& directory, std::string_view name) {
  std::string path = directory;
  if (!path.empty()) path.push_back('/');
  return path.append(name);
}

}  // namespace

// One directory on the way from the root to where the walk is.
struct MergedWalk::Frame {
  explicit Frame(MergedDirectory merged) : dir(std::move(merged)) {}
  MergedDirectory dir;
  size_t path_size = 0;  // of path_, for the directory itself
  struct stat st {};     // of what shows
  std::string origin;    // path before of what merges
  PathFilter::Scope filter;
  NameList names;
  std::vector<std::pair<DirPtr, NameSource>> to_read;
  bool sorted = false;
  size_t next = 0;
};

MergedWalk::MergedWalk(Layers layers, WalkScope scope)
    : layers_(std::move(layers)),
      scope_(std::move(scope)),
      open_levels_(std::max(kMinOpenLevels, kOpenDirectories / (1 + 2 * layers_.lowers.size()))) {}

MergedWalk::~MergedWalk() = default;

Result<MergedWalk::Event> MergedWalk::Step() {
  if (!started_) {
    auto status = Start();
    if (!status.ok()) return std::move(status.failure());
    return Event::kEntry;
  }
  if (!std::exchange(entered_, true) && GoesBelow()) Descend();
  if (frames_.empty()) return Event::kEnd;
  Frame& frame = *frames_.back();
  if (!frame.sorted) {
    auto status = Read(frame);
    if (!status.ok()) return std::move(status.failure());
    return Event::kBusy;
  }
  if (frame.next < frame.names.size()) return Visit(frame);
  frames_.pop_back();
  return Event::kBusy;
}

Status MergedWalk::Start() {
  started_ = true;
  entered_ = false;
  path_.assign(1, '.');  // assigning "." makes GCC 12 warn of an overlap (-Wrestrict) at -O3
  Sides& root = entry_.sides;
  root.before.kind = root.after.kind = Found::Kind::kDirectory;
  root.before.top.dir = layers_.lowers.front();
  root.after.top.dir = layers_.now();
  for (Found* side : {&root.before, &root.after}) {
    auto fd = side->top.dir->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    auto st = StatFd(fd.value());
    if (!st.ok()) return Located(std::move(st.failure()), side->top.dir, "");
    side->top.st = st.value();
  }
  // An ordinary user cannot give the upper the owner of the lower root; that is said once when
  // mounting and not in every list.
  if (layers_.marks.SaidUser()) {
    root.before.top.st.st_uid = root.after.top.st.st_uid;
    root.before.top.st.st_gid = root.after.top.st.st_gid;
  }
  DirStack stack(layers_.lowers.begin(),
                 layers_.lowers.begin() + static_cast<std::ptrdiff_t>(layers_.ordinary()));
  root.upper_dir = layers_.upper;
  root.before.dirs = stack;
  root.after.dirs = layers_.plain ? DirStack{layers_.plain} : std::move(stack);
  filter_ = scope_.filter.Root();
  entry_.root = true;
  entry_.chosen = filter_.answer == PathFilter::Answer::kChosen;
  return Done{};
}

bool MergedWalk::GoesBelow() const {
  const Found& before = entry_.sides.before;
  const Found& after = entry_.sides.after;
  const bool was = before.kind == Found::Kind::kDirectory;
  const bool is = after.kind == Found::Kind::kDirectory;
  if (filter_.answer == PathFilter::Answer::kPruned || (!was && !is)) return false;
  if (entry_.sides.upper_dir) return true;
  const bool held = scope_.index != nullptr && scope_.index->Holds(before.dirs);
  if (is) return held || !SameStack(after.dirs, before.dirs);
  // What lay below a removed directory follows only if it was asked for.
  return scope_.expand || filter_.answer == PathFilter::Answer::kPassing ||
         (scope_.every_name && (held || layers_.plain));
}

const struct stat* MergedWalk::directory() const {
  return frames_.empty() ? nullptr : &frames_.back()->st;
}

void MergedWalk::Descend() {
  Frame frame(MergedDirectory(std::move(entry_.sides.upper_dir), std::move(entry_.sides.after.dirs),
                              std::move(entry_.sides.before.dirs)));
  frame.st = entry_.sides.after.top.st;
  if (std::exchange(entry_.root, false)) {
    path_.clear();
  } else {
    frame.origin = RedirectedPath();
  }
  frame.filter = std::move(filter_);
  Push(std::move(frame));
}

// The path before of what merges with the entry at hand.
std::string MergedWalk::RedirectedPath() const {
  const std::string& redirect = entry_.sides.redirect;
  if (redirect.empty()) return PathInRenamed();
  return redirect[0] == '/' ? redirect.substr(1) : Join(frames_.back()->origin, redirect);
}

std::string MergedWalk::PathInRenamed() const {
  if (frames_.empty()) return {};
  const Frame& parent = *frames_.back();
  const size_t slash = parent.path_size == 0 ? 0 : 1;
  return Join(parent.origin, std::string_view(path_).substr(parent.path_size + slash));
}

void MergedWalk::Push(Frame next) {
  auto frame = std::make_unique<Frame>(std::move(next));
  const MergedDirectory& dir = frame->dir;
  frame->path_size = path_.size();
  if (dir.upper) frame->to_read.emplace_back(dir.upper, kInUpper);
  const bool held = scope_.index != nullptr && scope_.index->Holds(dir.after);
  if (dir.split || held) {
    for (const DirPtr& lower : dir.after) frame->to_read.emplace_back(lower, kInLower);
  }
  if (dir.split) {
    for (const DirPtr& lower : dir.before) frame->to_read.emplace_back(lower, kInLower);
  }
  frames_.push_back(std::move(frame));
  if (frames_.size() > open_levels_) CloseLevel(frames_.size() - 1 - open_levels_);
}

void MergedWalk::CloseLevel(size_t level) {
  const MergedDirectory& dir = frames_[level]->dir;
  if (dir.upper) dir.upper->Close();
  for (const DirPtr& lower : dir.after) lower->Close();
  for (const DirPtr& lower : dir.before) lower->Close();
}

void MergedWalk::CloseDirectories() {
  for (size_t level = 0; level < frames_.size(); ++level) CloseLevel(level);
}

// One getdents64 call, or the sorting when there is nothing left to read.
Status MergedWalk::Read(Frame& frame) {
  if (frame.to_read.empty()) {
    frame.names.Sort();
    frame.sorted = true;
    return Done{};
  }
  const DirPtr& dir = frame.to_read.back().first;
  const NameSource source = frame.to_read.back().second;
  auto fd = dir->Fd();
  if (!fd.ok()) {
    // A directory may vanish between being named and being opened.
    if (fd.failure().err != ENOENT) return std::move(fd.failure());
    frame.to_read.pop_back();
    return Done{};
  }
  // Of an untouched directory only the names of files that an index keeps together matter.
  const bool few = source == kInLower && !frame.dir.split;
  auto more = ReadSomeEntries(fd.value(), [&](const DirEntry& entry) {
    if (!few || scope_.index->Concerns(dir, entry)) frame.names.Add(entry.name, source);
  });
  if (!more.ok()) return Located(std::move(more.failure()), dir, "");
  if (!more.value()) frame.to_read.pop_back();
  return Done{};
}

Result<MergedWalk::Event> MergedWalk::Visit(Frame& frame) {
  const std::string name(frame.names.name(frame.next));
  const bool in_upper = frame.names.InUpper(frame.next);
  ++frame.next;
  filter_ = scope_.filter.Below(frame.filter, name);
  if (filter_.answer == PathFilter::Answer::kPruned) return Event::kBusy;
  auto sides = ResolveSides(layers_, frame.dir, name, in_upper);
  if (!sides.ok()) return std::move(sides.failure());
  path_.resize(frame.path_size);
  if (!path_.empty()) path_.push_back('/');
  path_.append(name);
  entry_.sides = std::move(sides.value());
  entry_.chosen = filter_.answer == PathFilter::Answer::kChosen;
  if (scope_.index != nullptr) scope_.index->Apply(entry_.sides);
  entry_.redirected_from.clear();
  if (!entry_.sides.redirect.empty()) {
    std::string origin = RedirectedPath();
    if (origin != path_) entry_.redirected_from = std::move(origin);
  }
  entered_ = false;
  return Event::kEntry;
}

}  // namespace ovl
