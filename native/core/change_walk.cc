#include "core/change_walk.h"

#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// Differences in these say that it is another file and not only another state of it.
constexpr Aspects kOtherFile = kAspectType | kAspectContent | kAspectDevice | kAspectTarget;

mode_t TypeOf(const struct stat& st) { return st.st_mode & S_IFMT; }

bool SameInode(const LayerEntry& a, const LayerEntry& b) {
  return a.st.st_dev == b.st.st_dev && a.st.st_ino == b.st.st_ino;
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
  const std::string path = after.dir->PathOf(after.name);
  // Or the directory that it is in has vanished.
  const bool above = failure.err == ENOENT && path.starts_with(failure.path + "/");
  if (failure.path != path && !above) return failure;
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

struct ChangeWalk::Pending {
  std::unique_ptr<ContentComparison> comparison;
  Aspects aspects = 0;
};

struct ChangeWalk::Ready {
  Change change;
  std::string renamed_from;
};

ChangeWalk::ChangeWalk(Layers layers, ChangeOptions options)
    : layers_(std::move(layers)), options_(std::move(options)) {}

ChangeWalk::~ChangeWalk() = default;

Result<std::unique_ptr<ChangeWalk>> ChangeWalk::Open(const Layers& layers, ChangeOptions options) {
  auto own = layers.Reopen();
  if (!own.ok()) return std::move(own.failure());
  own.value().marks = layers.marks.Apart();
  auto index = own.value().Reopen();
  if (!index.ok()) return std::move(index.failure());
  std::unique_ptr<ChangeWalk> walk(new ChangeWalk(std::move(own.value()), std::move(options)));
  walk->index_reader_ = std::make_unique<LinkIndexReader>(std::move(index.value()));
  return walk;
}

Result<bool> ChangeWalk::Next(const WorkSlice& slice, ChangeSink& sink) {
  while (!slice.Over() && !sink.Full()) {
    auto more = Step(slice, sink);
    if (!more.ok()) return std::move(more.failure());
    if (!more.value()) return false;
  }
  return true;
}

Result<bool> ChangeWalk::Step(const WorkSlice& slice, ChangeSink& sink) {
  Status status = Done{};
  if (index_reader_) {
    status = StepIndex(slice);
  } else if (link_survey_) {
    status = StepLinkSurvey(slice);
  } else if (rename_survey_) {
    status = StepRenameSurvey(slice);
  } else if (ready_) {
    status = StepReady(sink);
  } else if (pending_) {
    status = StepContent();
  } else if (std::exchange(compare_again_, false)) {
    status = Compare(walk_->entry().sides);
  } else {
    auto event = walk_->Step();
    if (!event.ok()) return std::move(event.failure());
    if (event.value() == MergedWalk::Event::kEnd) return false;
    if (event.value() == MergedWalk::Event::kEntry && walk_->entry().chosen) {
      status = Compare(walk_->entry().sides);
    }
  }
  if (!status.ok()) return std::move(status.failure());
  return true;
}

Status ChangeWalk::StepIndex(const WorkSlice& slice) {
  auto more = index_reader_->Next(slice);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  index_ = index_reader_->Take();
  index_reader_.reset();
  layers_.indexed = index_.used();
  auto own = layers_.Reopen();
  if (!own.ok()) return std::move(own.failure());
  walk_ = std::make_unique<MergedWalk>(
      std::move(own.value()),
      WalkScope{.expand = options_.expand, .filter = options_.filter, .index = &index_});
  return Done{};
}

Status ChangeWalk::StepLinkSurvey(const WorkSlice& slice) {
  auto more = link_survey_->Next(slice);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  links_ = std::make_unique<LinkGroups>(link_survey_->Take());
  link_survey_.reset();
  return Done{};
}

Status ChangeWalk::StepRenameSurvey(const WorkSlice& slice) {
  auto more = rename_survey_->Next(slice);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  renames_ = std::make_unique<Renames>(rename_survey_->Take());
  rename_survey_.reset();
  return Done{};
}

Status ChangeWalk::StepContent() {
  const Sides& sides = walk_->entry().sides;
  auto state = pending_->comparison->Step();
  if (!state.ok()) {
    pending_.reset();
    return Tolerate(std::move(state.failure()), sides.after.top);
  }
  if (state.value() == ContentComparison::State::kMore) return Done{};
  const auto done = std::exchange(pending_, nullptr);
  const bool differ = state.value() == ContentComparison::State::kDifferent;
  EmitModified(sides, differ ? done->aspects | kAspectContent : done->aspects, false);
  return Done{};
}

// The last thing to be found out is where it came from, since that may take a survey.
Status ChangeWalk::StepReady(ChangeSink& sink) {
  Change& change = ready_->change;
  const bool other = change.kind == ChangeKind::kAdded || (change.aspects & kOtherFile) != 0;
  if (ready_->renamed_from.empty() && change.kind != ChangeKind::kDeleted && other) {
    auto foreign = ForeignOrigin(layers_.marks, walk_->entry().sides);
    if (!foreign.ok()) return std::move(foreign.failure());
    if (foreign.value() && !renames_) {
      walk_->CloseDirectories();  // the survey's turn
      rename_survey_ = std::make_unique<RenameSurvey>(layers_, options_.expand);
      return Done{};
    }
    if (foreign.value()) ready_->renamed_from = renames_->Find(*foreign.value());
    // It went with its directory, which says so.
    if (ready_->renamed_from == walk_->PathInRenamed()) ready_->renamed_from.clear();
  }
  change.path = walk_->path();
  if (ready_->renamed_from != change.path) change.renamed_from = ready_->renamed_from;
  sink.Add(change);
  ready_.reset();
  return Done{};
}

Status ChangeWalk::Compare(const Sides& sides) {
  const Found& before = sides.before;
  const Found& after = sides.after;
  const bool was = before.kind != Found::Kind::kNothing;
  const bool is = after.kind != Found::Kind::kNothing;
  if (!was && !is) return Done{};  // a whiteout that hides nothing
  if (!was || !is) {
    Emit(sides, was ? ChangeKind::kDeleted : ChangeKind::kAdded);
    return Done{};
  }
  if (TypeOf(before.top.st) != TypeOf(after.top.st)) {
    EmitModified(sides, kAspectType, false);
    return Done{};
  }
  const bool plain = layers_.plain != nullptr;
  if ((options_.ignore & kAspectLinks) == 0 && !links_ && LinkSurvey::Needed(sides, plain)) {
    auto own = layers_.Reopen();
    if (!own.ok()) return std::move(own.failure());
    walk_->CloseDirectories();  // the survey's turn
    link_survey_ = std::make_unique<LinkSurvey>(std::move(own.value()), index_);
    compare_again_ = true;
    return Done{};
  }
  Aspects aspects = 0;
  if (!SameInode(before.top, after.top)) {
    aspects = CompareStat(before.top.st, after.top.st);
    auto xattrs = SameXattrs(before.top, after.top, layers_.marks);
    if (!xattrs.ok()) return Tolerate(std::move(xattrs.failure()), after.top);
    if (!xattrs.value()) aspects |= kAspectXattrs;
  }
  if (!S_ISDIR(after.top.st.st_mode)) return CompareFiles(sides, aspects);
  EmitModified(sides, aspects, false);
  return Done{};
}

Status ChangeWalk::CompareFiles(const Sides& sides, Aspects aspects) {
  const LayerEntry& before = sides.before.top;
  const LayerEntry& after = sides.after.top;
  const bool same_inode = SameInode(before, after);
  if (S_ISLNK(after.st.st_mode) && !same_inode) {
    auto same = SameTarget(before, after);
    if (!same.ok()) return Tolerate(std::move(same.failure()), after);
    if (!same.value()) aspects |= kAspectTarget;
  }
  if ((options_.ignore & kAspectLinks) == 0 &&
      LinkSurvey::Changed(links_.get(), index_, sides, layers_.plain != nullptr)) {
    aspects |= kAspectLinks;
  }
  if (!S_ISREG(after.st.st_mode) || same_inode) {
    EmitModified(sides, aspects, false);
    return Done{};
  }
  const LayerEntry& before_data = sides.before.data;
  const LayerEntry& after_data = sides.after.data;
  if (before.st.st_size != after.st.st_size) {
    EmitModified(sides, aspects | kAspectContent, false);
    return Done{};
  }
  const bool wanted = (options_.ignore & kAspectContent) == 0;
  const bool have_data = before_data.dir && after_data.dir;
  const bool no_data = have_data && before_data.st.st_size == 0 && after_data.st.st_size == 0;
  const bool same_data = no_data || (options_.content != ContentMode::kAlways && have_data &&
                                     SameInode(before_data, after_data));
  if (same_data || !wanted || options_.content == ContentMode::kNever) {
    EmitModified(sides, aspects, wanted && !same_data);
    return Done{};
  }
  for (const Found* side : {&sides.before, &sides.after}) {
    if (!side->data.dir) return MissingData(side->top);
  }
  if (sides.before.data_unknown || sides.after.data_unknown) {
    EmitModified(sides, aspects, true);
    return Done{};
  }
  auto comparison =
      ContentComparison::Open(before_data, after_data, options_.content == ContentMode::kAlways);
  if (!comparison.ok()) return Tolerate(std::move(comparison.failure()), after);
  pending_ = std::make_unique<Pending>(Pending{std::move(comparison.value()), aspects});
  return Done{};
}

void ChangeWalk::Emit(const Sides& sides, ChangeKind kind) {
  ready_ = std::make_unique<Ready>();
  Change& change = ready_->change;
  change.kind = kind;
  change.type = TypeOf(kind == ChangeKind::kDeleted ? sides.before.top.st : sides.after.top.st);
  change.unknown = sides.before.unknown || sides.after.unknown;
  if (kind != ChangeKind::kDeleted) ready_->renamed_from = walk_->entry().redirected_from;
}

void ChangeWalk::EmitModified(const Sides& sides, Aspects aspects, bool content_unknown) {
  const mode_t before = TypeOf(sides.before.top.st);
  const bool unknown = sides.before.unknown || sides.after.unknown ||
                       (content_unknown && options_.content != ContentMode::kNever);
  aspects &= static_cast<Aspects>(~options_.ignore);
  if (aspects == 0 && !unknown) return;  // it was copied up and nothing came of it
  Emit(sides, ChangeKind::kModified);
  Change& change = ready_->change;
  if (before != change.type) change.previous_type = before;
  change.aspects = aspects;
  change.content_unknown = content_unknown;
  change.unknown = unknown;
}

}  // namespace ovl
