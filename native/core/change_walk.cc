#include "core/change_walk.h"

#include <algorithm>
#include <utility>

#include "core/sys_file.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

// Directory descriptors kept open at a time, in all levels together: far below the usual limit of
// 1024 for a process, so that several walks fit.
constexpr size_t kOpenDirectories = 256;
constexpr size_t kMinOpenLevels = 1;

mode_t TypeOf(const struct stat& st) { return st.st_mode & S_IFMT; }

bool SameObject(const LayerEntry& a, const LayerEntry& b) {
  return a.dir->layer() == b.dir->layer() && a.st.st_dev == b.st.st_dev &&
         a.st.st_ino == b.st.st_ino;
}

Failure At(Failure failure, const DirPtr& dir, const std::string& name) {
  failure.path = dir->PathOf(name);
  return failure;
}

// Whether a name no longer leads to what was found there. The change time tells a renamed file, and
// one that was given the same inode number, apart.
bool IsReplaced(const LayerEntry& entry) {
  auto fd = entry.dir->Fd();
  if (!fd.ok()) return fd.failure().err == ENOENT;
  struct stat st;
  auto there = StatAt(fd.value(), entry.name, st);
  if (!there.ok()) return false;
  return !there.value() || st.st_ino != entry.st.st_ino || TypeOf(st) != TypeOf(entry.st) ||
         st.st_ctim.tv_sec != entry.st.st_ctim.tv_sec ||
         st.st_ctim.tv_nsec != entry.st.st_ctim.tv_nsec;
}

// An entry of a live upper may vanish while it is looked at, or something else take its place: a
// whiteout (ENXIO to open, and EACCES without privilege, since its mode is 0), a link (ELOOP), a
// directory or a FIFO (EISDIR and ESPIPE to pread), no link any more (EINVAL to readlink). Then
// there is nothing to report.
Status Tolerate(Failure failure, const LayerEntry& after) {
  // Both sides are read, and only what happens to the upper's is tolerated.
  if (after.dir->layer() != LayerDir::kUpper) return failure;
  if (failure.path != after.dir->PathOf(after.name)) return failure;
  switch (failure.err) {
    case ENOENT:
    case ENXIO:
    case ELOOP:
    case EISDIR:
    case ESPIPE:
      return Done{};
    case EINVAL:
      if (S_ISLNK(after.st.st_mode)) return Done{};
      return failure;
    case EACCES:
      if (IsReplaced(after)) return Done{};
      return failure;
    default:
      return failure;
  }
}

}  // namespace

// One directory on the way from the root to where the walk is.
struct ChangeWalk::Frame {
  explicit Frame(MergedDirectory merged) : dir(std::move(merged)) {}
  MergedDirectory dir;
  size_t path_size = 0;  // of path_, for the directory itself
  NameList names;
  std::vector<std::pair<DirPtr, NameSource>> to_read;
  bool sorted = false;
  size_t next = 0;
};

struct ChangeWalk::Pending {
  std::unique_ptr<ContentComparison> comparison;
  LayerEntry after;
  Aspects aspects = 0;
};

ChangeWalk::ChangeWalk(Layers layers, ChangeOptions options)
    : layers_(std::move(layers)),
      options_(options),
      open_levels_(std::max(kMinOpenLevels, kOpenDirectories / (1 + 2 * layers_.lowers.size()))) {}

ChangeWalk::~ChangeWalk() = default;

Result<std::unique_ptr<ChangeWalk>> ChangeWalk::Open(const Layers& layers, ChangeOptions options) {
  Layers own;
  own.space = layers.space;
  own.data_only = layers.data_only;
  auto upper = layers.upper->Reopen();
  if (!upper.ok()) return std::move(upper.failure());
  own.upper = std::move(upper.value());
  for (const DirPtr& root : layers.lowers) {
    auto lower = root->Reopen();
    if (!lower.ok()) return std::move(lower.failure());
    own.lowers.push_back(std::move(lower.value()));
  }
  return std::unique_ptr<ChangeWalk>(new ChangeWalk(std::move(own), options));
}

Result<bool> ChangeWalk::Next(const WorkSlice& slice, ChangeSink& sink) {
  while (!slice.Over() && !sink.Full()) {
    if (started_ && !survey_ && !pending_ && frames_.empty()) return false;
    auto status = Step(slice, sink);
    if (!status.ok()) return std::move(status.failure());
  }
  return true;
}

Status ChangeWalk::Step(const WorkSlice& slice, ChangeSink& sink) {
  if (!started_) return Start(sink);
  if (survey_) return StepLinkSurvey(slice, sink);
  if (pending_) return StepContent(sink);
  Frame& frame = *frames_.back();
  if (!frame.sorted) return Read(frame);
  if (frame.next < frame.names.size()) return Visit(frame, sink);
  frames_.pop_back();
  return Done{};
}

Status ChangeWalk::Start(ChangeSink& sink) {
  started_ = true;
  path_.assign(1, '.');  // assigning "." makes GCC 12 warn of an overlap (-Wrestrict) at -O3
  Sides root;
  root.before.kind = root.after.kind = Found::Kind::kDirectory;
  root.before.top.dir = layers_.lowers.front();
  root.after.top.dir = layers_.upper;
  for (Found* side : {&root.before, &root.after}) {
    auto fd = side->top.dir->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    auto st = StatFd(fd.value());
    if (!st.ok()) return At(std::move(st.failure()), side->top.dir, "");
    side->top.st = st.value();
  }
  // An ordinary user cannot give the upper the owner of the lower root; that is said once when
  // mounting and not in every list.
  if (layers_.space == MarkerSpace::kUser) {
    root.before.top.st.st_uid = root.after.top.st.st_uid;
    root.before.top.st.st_gid = root.after.top.st.st_gid;
  }
  if (!found_links_) {
    auto status = Compare(root, sink);
    if (!status.ok()) return status;
  }
  path_.clear();
  DirStack stack(layers_.lowers.begin(),
                 layers_.lowers.begin() + static_cast<std::ptrdiff_t>(layers_.ordinary()));
  Push(layers_.upper, stack, stack);
  return Done{};
}

void ChangeWalk::Push(DirPtr upper, DirStack after, DirStack before) {
  auto frame = std::make_unique<Frame>(
      MergedDirectory(std::move(upper), std::move(after), std::move(before)));
  const MergedDirectory& dir = frame->dir;
  frame->path_size = path_.size();
  if (dir.upper) frame->to_read.emplace_back(dir.upper, kInUpper);
  if (!dir.upper || dir.split) {
    for (const DirStack* stack : {&dir.after, &dir.before}) {
      for (const DirPtr& lower : *stack) frame->to_read.emplace_back(lower, kInLower);
    }
  }
  frames_.push_back(std::move(frame));
  if (frames_.size() > open_levels_) CloseLevel(frames_.size() - 1 - open_levels_);
}

void ChangeWalk::CloseLevel(size_t level) {
  const MergedDirectory& dir = frames_[level]->dir;
  if (dir.upper) dir.upper->Close();
  for (const DirPtr& lower : dir.after) lower->Close();
  for (const DirPtr& lower : dir.before) lower->Close();
}

// One getdents64 call, or the sorting when there is nothing left to read.
Status ChangeWalk::Read(Frame& frame) {
  if (frame.to_read.empty()) {
    frame.names.Sort();
    frame.sorted = true;
    return Done{};
  }
  const auto& [dir, source] = frame.to_read.back();
  auto fd = dir->Fd();
  if (!fd.ok()) {
    // A directory of a live upper may vanish between being named and being opened.
    if (fd.failure().err != ENOENT) return std::move(fd.failure());
    frame.to_read.pop_back();
    return Done{};
  }
  auto more = ReadSomeNames(fd.value(), source, frame.names);
  if (!more.ok()) return At(std::move(more.failure()), dir, "");
  if (!more.value()) frame.to_read.pop_back();
  return Done{};
}

Status ChangeWalk::Visit(Frame& frame, ChangeSink& sink) {
  const std::string name(frame.names.name(frame.next));
  auto sides = ResolveSides(layers_, frame.dir, name, frame.names.InUpper(frame.next));
  if (!sides.ok()) return std::move(sides.failure());
  // The name is visited again when the links are known.
  if (NeedsLinkSurvey(sides.value())) return StartLinkSurvey();
  ++frame.next;
  path_.resize(frame.path_size);
  if (!path_.empty()) path_.push_back('/');
  path_.append(name);
  if (found_links_) {
    Survey(sides.value());
  } else {
    auto status = Compare(sides.value(), sink);
    if (!status.ok()) return status;
  }
  Descend(sides.value());
  return Done{};
}

void ChangeWalk::Descend(Sides& sides) {
  const bool was = sides.before.kind == Found::Kind::kDirectory;
  const bool is = sides.after.kind == Found::Kind::kDirectory;
  if (!was && !is) return;
  if (!sides.upper_dir) {
    if (found_links_) return;
    // What lay below a removed directory follows only if it was asked for.
    if (!is && !options_.expand) return;
    if (is && SameStack(sides.after.dirs, sides.before.dirs)) return;
  }
  Push(std::move(sides.upper_dir), std::move(sides.after.dirs), std::move(sides.before.dirs));
}

Status ChangeWalk::Compare(const Sides& sides, ChangeSink& sink) {
  const Found& before = sides.before;
  const Found& after = sides.after;
  const bool was = before.kind != Found::Kind::kNothing;
  const bool is = after.kind != Found::Kind::kNothing;
  if (!was && !is) return Done{};  // a whiteout that hides nothing
  Change change;
  change.path = path_;
  if (!was) {
    change.kind = ChangeKind::kAdded;
    change.type = TypeOf(after.top.st);
    sink.Add(change);
    return Done{};
  }
  if (!is) {
    change.kind = ChangeKind::kDeleted;
    change.type = TypeOf(before.top.st);
    sink.Add(change);
    return Done{};
  }
  if (TypeOf(before.top.st) != TypeOf(after.top.st)) {
    change.kind = ChangeKind::kModified;
    change.type = TypeOf(after.top.st);
    change.previous_type = TypeOf(before.top.st);
    change.aspects = kAspectType;
    sink.Add(change);
    return Done{};
  }
  if (SameObject(before.top, after.top)) return Done{};  // the same file of the same lower
  Aspects aspects = CompareStat(before.top.st, after.top.st);
  auto xattrs = SameXattrs(before.top, after.top, layers_.space);
  if (!xattrs.ok()) return Tolerate(std::move(xattrs.failure()), after.top);
  if (!xattrs.value()) aspects |= kAspectXattrs;
  if (!S_ISDIR(after.top.st.st_mode)) return CompareFiles(sides, aspects, sink);
  EmitModified(sink, TypeOf(after.top.st), aspects, false);
  return Done{};
}

Status ChangeWalk::CompareFiles(const Sides& sides, Aspects aspects, ChangeSink& sink) {
  const LayerEntry& before = sides.before.top;
  const LayerEntry& after = sides.after.top;
  const mode_t type = TypeOf(after.st);
  if (S_ISLNK(type)) {
    auto same = SameTarget(before, after);
    if (!same.ok()) return Tolerate(std::move(same.failure()), after);
    if (!same.value()) aspects |= kAspectTarget;
  }
  if (sides.in_upper) {
    // Alone in the upper and alone below is the common case and needs no survey.
    const bool linked = after.st.st_nlink > 1 && links_;
    const bool same = linked ? links_->Unchanged(after.st, before.st) : before.st.st_nlink == 1;
    if (!same) aspects |= kAspectLinks;
  }
  if (!S_ISREG(type)) {
    EmitModified(sink, type, aspects, false);
    return Done{};
  }
  const LayerEntry& before_data = sides.before.data;
  const LayerEntry& after_data = sides.after.data;
  for (const Found* side : {&sides.before, &sides.after}) {
    // The kernel answers EIO as well, when the file is looked up or opened.
    if (!side->data.dir) {
      return Refusal(EIO, "openat", "metacopy-without-data", side->top.dir->PathOf(side->top.name));
    }
  }
  if (before.st.st_size != after.st.st_size) {
    EmitModified(sink, type, aspects | kAspectContent, false);
    return Done{};
  }
  const bool wanted = (options_.ignore & kAspectContent) == 0;
  const bool same_data = after.st.st_size == 0 || (options_.content != ContentMode::kAlways &&
                                                   SameObject(before_data, after_data));
  if (same_data || !wanted || options_.content == ContentMode::kNever) {
    EmitModified(sink, type, aspects, wanted && !same_data);
    return Done{};
  }
  auto comparison = ContentComparison::Open(before_data, after_data);
  if (!comparison.ok()) return Tolerate(std::move(comparison.failure()), after);
  pending_ = std::make_unique<Pending>(Pending{std::move(comparison.value()), after, aspects});
  return Done{};
}

Status ChangeWalk::StepContent(ChangeSink& sink) {
  auto state = pending_->comparison->Step();
  if (!state.ok()) {
    const auto failed = std::exchange(pending_, nullptr);
    return Tolerate(std::move(state.failure()), failed->after);
  }
  if (state.value() == ContentComparison::State::kMore) return Done{};
  const auto done = std::exchange(pending_, nullptr);
  const bool differ = state.value() == ContentComparison::State::kDifferent;
  EmitModified(sink, TypeOf(done->after.st),
               differ ? done->aspects | kAspectContent : done->aspects, false);
  return Done{};
}

void ChangeWalk::EmitModified(ChangeSink& sink, mode_t type, Aspects aspects,
                              bool content_unknown) {
  Change change;
  change.kind = ChangeKind::kModified;
  change.type = type;
  change.aspects = aspects & static_cast<Aspects>(~options_.ignore);
  change.content_unknown = content_unknown;
  change.path = path_;
  if (change.aspects != 0) sink.Add(change);  // else it was copied up and nothing came of it
}

bool ChangeWalk::NeedsLinkSurvey(const Sides& sides) const {
  return !links_ && !found_links_ && (options_.ignore & kAspectLinks) == 0 && sides.in_upper &&
         sides.before.kind == Found::Kind::kFile && sides.after.kind == Found::Kind::kFile &&
         sides.after.top.st.st_nlink > 1 &&
         TypeOf(sides.before.top.st) == TypeOf(sides.after.top.st);
}

// Whether the names of a file are still the same can only be said when all of them have been seen,
// and by then the first would have been reported: they are counted beforehand.
Status ChangeWalk::StartLinkSurvey() {
  for (size_t level = 0; level < frames_.size(); ++level) CloseLevel(level);  // the survey's turn
  auto survey = Open(layers_, options_);
  if (!survey.ok()) return std::move(survey.failure());
  survey_ = std::move(survey.value());
  survey_->found_links_ = std::make_unique<LinkGroups>();
  return Done{};
}

Status ChangeWalk::StepLinkSurvey(const WorkSlice& slice, ChangeSink& sink) {
  auto more = survey_->Next(slice, sink);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  links_ = std::move(survey_->found_links_);
  survey_.reset();
  return Done{};
}

void ChangeWalk::Survey(const Sides& sides) {
  const Found& after = sides.after;
  if (!sides.in_upper || after.kind != Found::Kind::kFile || after.top.st.st_nlink == 1) return;
  const bool was = sides.before.kind == Found::Kind::kFile;
  found_links_->Add(after.top.st, was ? &sides.before.top.st : nullptr);
}

}  // namespace ovl
