#include "core/change_judge.h"

#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

using Verdict = ChangeJudge::Verdict;

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
Result<Verdict> Tolerate(Failure failure, const LayerEntry& after) {
  // Both sides are read, and only what happens to the upper's is tolerated.
  if (after.dir->layer() != LayerDir::kUpper) return failure;
  if (HasVanished(failure, after.dir, after.name)) return Verdict::kNothing;
  if (failure.path != after.dir->PathOf(after.name)) return failure;
  switch (failure.err) {
    case ENXIO:
    case ELOOP:
    case EISDIR:
    case ESPIPE:
      return Verdict::kNothing;
    case EINVAL:
      if (S_ISLNK(after.st.st_mode)) return Verdict::kNothing;
      return failure;
    case EACCES:
      if (IsReplaced(after)) return Verdict::kNothing;
      return failure;
    default:
      return failure;
  }
}

}  // namespace

Aspects ChangeJudge::StatAspects(const WalkEntry& entry) const {
  const struct stat& before = entry.sides.before.top.st;
  const struct stat& after = entry.sides.after.top.st;
  const Aspects aspects = CompareStat(before, after);
  const bool longer = S_ISREG(after.st_mode) && before.st_size != after.st_size;
  return longer ? aspects | kAspectContent : aspects;
}

Result<Verdict> ChangeJudge::Compare(WalkEntry& entry, ChangeDraft& draft) {
  Found& before = entry.sides.before;
  Found& after = entry.sides.after;
  const bool was = before.kind != Found::Kind::kNothing;
  const bool is = after.kind != Found::Kind::kNothing;
  if (!was && !is) return Verdict::kNothing;  // a whiteout that hides nothing
  if (!was || !is) return Draft(entry, was ? ChangeKind::kDeleted : ChangeKind::kAdded, draft);
  if (TypeOf(before.top.st) != TypeOf(after.top.st)) {
    return Modified(entry, kAspectType, false, draft);
  }
  const bool same_inode = SameInode(before.top, after.top);
  Aspects aspects = same_inode ? 0 : StatAspects(entry);
  if (whole_.options.kinds && Wants(aspects)) return Modified(entry, aspects, false, draft);
  const bool plain = layers_.plain != nullptr;
  const LinkGroups* const groups = whole_.links.load(std::memory_order_acquire);
  const bool links_count = Wants(kAspectLinks) && !S_ISDIR(after.top.st.st_mode);
  if (links_count && groups == nullptr && LinkSurvey::Needed(entry.sides, plain)) {
    auto witness = AskBeside(layers_, entry.sides, whole_.index, beside_);
    if (!witness.ok()) return Tolerate(std::move(witness.failure()), after.top);
    if (witness.value() == LinkWitness::kNothing) return Verdict::kLinks;
    if (witness.value() == LinkWitness::kChanged) aspects |= kAspectLinks;
  } else if (links_count && LinkSurvey::Changed(groups, whole_.index, entry.sides, plain)) {
    aspects |= kAspectLinks;
  }
  if (!same_inode && Wants(kAspectXattrs)) {
    auto xattrs = SameXattrs(before, after, layers_.marks);
    if (!xattrs.ok()) return Tolerate(std::move(xattrs.failure()), after.top);
    if (!xattrs.value()) aspects |= kAspectXattrs;
  }
  if (!S_ISDIR(after.top.st.st_mode)) return CompareFiles(entry, aspects, draft);
  return Modified(entry, aspects, false, draft);
}

Result<Verdict> ChangeJudge::CompareFiles(const WalkEntry& entry, Aspects aspects,
                                          ChangeDraft& draft) const {
  const Sides& sides = entry.sides;
  const ChangeOptions& options = whole_.options;
  const LayerEntry& before = sides.before.top;
  const LayerEntry& after = sides.after.top;
  const bool same_inode = SameInode(before, after);
  if (S_ISLNK(after.st.st_mode) && !same_inode) {
    auto same = SameTarget(before, after);
    if (!same.ok()) return Tolerate(std::move(same.failure()), after);
    if (!same.value()) aspects |= kAspectTarget;
  }
  if (!S_ISREG(after.st.st_mode) || same_inode) return Modified(entry, aspects, false, draft);
  const LayerEntry& before_data = sides.before.data;
  const LayerEntry& after_data = sides.after.data;
  if ((aspects & kAspectContent) != 0) return Modified(entry, aspects, false, draft);
  const bool wanted = Wants(kAspectContent);
  const bool have_data = before_data.dir && after_data.dir;
  const bool no_data = have_data && before_data.st.st_size == 0 && after_data.st.st_size == 0;
  const bool same_data = no_data || (options.content != ContentMode::kAlways && have_data &&
                                     SameInode(before_data, after_data));
  if (same_data || !wanted || options.content == ContentMode::kNever) {
    return Modified(entry, aspects, wanted && !same_data, draft);
  }
  for (const Found* side : {&sides.before, &sides.after}) {
    if (!side->data.dir) return MissingData(side->top);
  }
  if (sides.before.data_unknown || sides.after.data_unknown) {
    return Modified(entry, aspects, true, draft);
  }
  auto comparison =
      ContentComparison::Open(before_data, after_data, options.content == ContentMode::kAlways);
  if (!comparison.ok()) return Tolerate(std::move(comparison.failure()), after);
  draft.comparison = std::move(comparison.value());
  draft.change.aspects = aspects;
  return Verdict::kContent;
}

Result<Verdict> ChangeJudge::CompareContent(const WalkEntry& entry, ChangeDraft& draft) {
  const Sides& sides = entry.sides;
  auto state = draft.comparison->Step(sides.before.data, sides.after.data, buffers_);
  if (!state.ok()) {
    draft.comparison.reset();
    return Tolerate(std::move(state.failure()), entry.sides.after.top);
  }
  if (state.value() == ContentComparison::State::kMore) return Verdict::kContent;
  draft.comparison.reset();
  const Aspects aspects = draft.change.aspects;
  const bool differ = state.value() == ContentComparison::State::kDifferent;
  return Modified(entry, differ ? aspects | kAspectContent : aspects, false, draft);
}

Result<bool> ChangeJudge::FindOrigin(const WalkEntry& entry, ChangeDraft& draft) {
  if (whole_.options.kinds) return true;
  const Change& change = draft.change;
  const bool other = change.kind == ChangeKind::kAdded || (change.aspects & kOtherFile) != 0;
  if (!draft.renamed_from.empty() || change.kind == ChangeKind::kDeleted || !other) return true;
  auto foreign = ForeignOrigin(layers_, entry.sides);
  if (!foreign.ok()) return std::move(foreign.failure());
  if (!foreign.value()) return true;
  if (const Renames* renames = whole_.renames.load(std::memory_order_acquire)) {
    draft.renamed_from = renames->Find(*foreign.value());
  } else {
    auto found = origins_.Find(*foreign.value());
    if (!found) return false;
    draft.renamed_from = std::move(*found);
  }
  // It went with its directory, which says so.
  if (draft.renamed_from == entry.PathInRenamed()) draft.renamed_from.clear();
  return true;
}

Verdict ChangeJudge::Draft(const WalkEntry& entry, ChangeKind kind, ChangeDraft& draft) const {
  const Sides& sides = entry.sides;
  draft.change = Change{};
  draft.change.kind = kind;
  draft.change.type =
      TypeOf(kind == ChangeKind::kDeleted ? sides.before.top.st : sides.after.top.st);
  draft.change.unknown = sides.before.unknown || sides.after.unknown;
  draft.renamed_from.clear();
  if (kind != ChangeKind::kDeleted) draft.renamed_from = entry.redirected_from;
  return Verdict::kChange;
}

Verdict ChangeJudge::Modified(const WalkEntry& entry, Aspects aspects, bool content_unknown,
                              ChangeDraft& draft) const {
  const Sides& sides = entry.sides;
  const mode_t before = TypeOf(sides.before.top.st);
  const bool unknown = sides.before.unknown || sides.after.unknown ||
                       (content_unknown && whole_.options.content != ContentMode::kNever);
  aspects &= static_cast<Aspects>(~whole_.options.ignore);
  if (aspects == 0 && !unknown) return Verdict::kNothing;  // copied up, and nothing came of it
  (void)Draft(entry, ChangeKind::kModified, draft);
  Change& change = draft.change;
  if (before != change.type) change.previous_type = before;
  change.aspects = aspects;
  change.content_unknown = content_unknown;
  change.unknown = unknown;
  return Verdict::kChange;
}

}  // namespace ovl
