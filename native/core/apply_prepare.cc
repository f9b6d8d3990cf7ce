// Judging what is to be done with each change. How it is made: apply_units.cc and apply_parts.cc;
// what is said of what is not: apply_report.cc.
#include "core/apply_prepare.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/sys_file.h"
#include "core/sys_make.h"

namespace ovl {

namespace {

// The walk works with several threads where it is asked for more than one change.
constexpr size_t kAhead = 256;

// Keeps what changes say.
class KeptChanges final : public ChangeSink {
 public:
  explicit KeptChanges(std::deque<ChangeInfo>& kept) : kept_(kept) {}
  void Add(const Change& change) override {
    ChangeInfo info;
    info.kind = static_cast<uint8_t>(change.kind);
    info.type = change.type;
    info.previous_type = change.previous_type;
    info.aspects = change.aspects;
    info.path = change.path;
    info.renamed_from = change.renamed_from;
    kept_.push_back(std::move(info));
  }
  bool Full() const override { return kept_.size() >= kAhead; }

 private:
  std::deque<ChangeInfo>& kept_;
};

bool IsKind(const ChangeInfo& info, ChangeKind kind) {
  return info.kind == static_cast<uint8_t>(kind);
}

}  // namespace

ApplyPreparation::ApplyPreparation(Setup setup)
    : setup_(std::move(setup)),
      build_(layers().marks, setup_.same_lower ? XattrNames::kStored : XattrNames::kVisible),
      levels_(setup_.root, setup_.root_st),
      there_marks_(setup_.same_lower ? layers().marks : MarkReader::Decided(MarkerSpace::kNone)) {}

Result<bool> ApplyPreparation::Step(const WorkSlice& slice, ApplySink& sink) {
  sink_ = &sink;
  Status status = Done{};
  if (build_.copying()) {
    status = StepCopy();
  } else if (comparing_ != Comparing::kNothing) {
    status = StepComparison();
  } else if (!ahead_.empty()) {
    info_ = std::move(ahead_.front());
    ahead_.pop_front();
    path_ = info_.path == "." ? "" : info_.path;
    status = Begin();
  } else if (!seen_all_) {
    status = ReadAhead(slice);
  } else {
    status = CloseUnit();
    if (status.ok()) {
      status = levels_.Finish([this](ApplyLevel& level) { return Leave(level); });
    }
    if (!status.ok()) return std::move(status.failure());
    return false;
  }
  if (!status.ok()) return std::move(status.failure());
  return true;
}

Status ApplyPreparation::ReadAhead(const WorkSlice& slice) {
  if (cut_) return *cut_;
  KeptChanges sink(ahead_);
  auto more = setup_.walk->Next(slice, sink);
  // Both read the marks by the same word.
  if (const auto space = setup_.walk->decided()) layers().marks.Meet(space);
  if (!more.ok()) {
    cut_ = std::move(more.failure());
  } else {
    seen_all_ = !more.value();
  }
  return Done{};
}

// A layer that is in use may have changed since the walk was there.
bool ApplyPreparation::IsAsSeen() const {
  const bool deleted = IsKind(info_, ChangeKind::kDeleted);
  const Found& seen = deleted ? before() : after();
  if (deleted && after().kind != Found::Kind::kNothing) return false;
  return seen.kind != Found::Kind::kNothing && (seen.top.st.st_mode & S_IFMT) == info_.type;
}

bool ApplyPreparation::BecomesDirectory() const {
  return !IsKind(info_, ChangeKind::kDeleted) && after().kind == Found::Kind::kDirectory;
}

// The inode that an index keeps for names of which the upper has none has one link itself.
bool ApplyPreparation::HasOtherNames() const {
  return after().top.st.st_nlink > 1 || entry_.sides.indexed || (info_.aspects & kAspectLinks) != 0;
}

Status ApplyPreparation::Begin() {
  if (setup_.stage != nullptr && setup_.stage->inside()) {
    const std::string& name = setup_.stage->name();
    if (path_ == name || IsPathBelow(path_, name)) {
      // Of two plain directories it may be one that holds the stage.
      if (IsKind(info_, ChangeKind::kDeleted)) return Done{};
      return Fail(InDestination(EEXIST, "mkdirat", "name-reserved"));
    }
  }
  if (skip_ && IsPathBelow(path_, *skip_)) return Done{};
  skip_.reset();
  as_part_ = false;
  if (unit_ && !IsPathBelow(path_, unit_->path)) {
    // CloseUnit speaks of the unit's own change.
    ChangeInfo info = std::move(info_);
    std::string path = std::move(path_);
    auto closed = CloseUnit();
    if (!closed.ok()) return closed;
    info_ = std::move(info);
    path_ = std::move(path);
  }
  auto found = FindEntry();
  if (!found.ok()) return Fail(std::move(found.failure()));
  if (!IsAsSeen()) return Fail(InDestination(ESTALE, "fstatat", "changed-meanwhile"));
  if (!unit_) return Judge();
  return unit_->removing ? CheckRemoved() : StagePart();
}

// What the lowers have of a file the walk has said, and the destination will say: where it is the
// lower itself, or nothing is to be there, they are not asked again.
Status ApplyPreparation::FindEntry() {
  unopened_ = false;
  const bool file = info_.type == S_IFREG && info_.previous_type == 0;
  const bool stays = IsKind(info_, ChangeKind::kDeleted) || (unit_ && unit_->removing);
  if (!dry() && file && !stays && (setup_.same_lower || IsKind(info_, ChangeKind::kAdded))) {
    auto in_upper = setup_.search->FindInUpper(path_, entry_);
    if (!in_upper.ok()) return std::move(in_upper.failure());
    unopened_ = in_upper.value();
  }
  return unopened_ ? Status(Done{}) : setup_.search->Find(path_, entry_);
}

Status ApplyPreparation::Judge() {
  exists_ = false;
  if (path_.empty()) return JudgeInPlace();
  if (TouchesLayer(path_)) return Fail(InDestination(EBUSY, "mount", "layer-in-use"));
  const std::string_view directory = DirectoryOf(path_);
  auto level = GoTo(directory);
  if (!level.ok()) return std::move(level.failure());
  if (level.value()->submount) return Fail(InDestination(EXDEV, "openat2", "submount"));
  if (!level.value()->dir) return JudgeMissingDirectory(*level.value());
  dir_ = level.value()->dir;
  auto fd = dir_->Fd();
  if (!fd.ok()) return Fail(std::move(fd.failure()));
  const std::string name = NameIn(path_);
  auto there = LookAt(fd.value(), name, look_);
  if (!there.ok()) return Fail(Located(std::move(there.failure()), dir_, name));
  exists_ = there.value();
  if (exists_ && (look_.mount_root || look_.st.st_dev != level.value()->st.st_dev)) {
    return Fail(InDestination(EBUSY, "renameat2", "submount"));
  }
  there_ = LayerEntry{dir_, name, look_.st};
  if (exists_ && S_ISDIR(look_.st.st_mode) && BecomesDirectory()) return JudgeInPlace();
  if (!exists_ && IsKind(info_, ChangeKind::kDeleted)) {
    skip_ = path_;
    Report(ApplyOutcome::kAlready, nullptr);
    return Done{};
  }
  const bool added = IsKind(info_, ChangeKind::kAdded);
  if (exists_ && added && unopened_) {
    // Others may have put it there since, in a lower as well.
    unopened_ = false;
    auto found = setup_.search->Find(path_, entry_);
    if (!found.ok()) return Fail(std::move(found.failure()));
    if (!IsAsSeen()) return Fail(InDestination(ESTALE, "fstatat", "changed-meanwhile"));
  }
  const bool was = unopened_ ? !added : before().kind != Found::Kind::kNothing;
  // A lower's own whiteout shows nothing.
  const bool nothing = !exists_ || (setup_.same_lower && IsWhiteoutDevice(look_.st));
  if (nothing) {
    if (was) return Differs();
    // Where nothing has come or gone in the directory this one has not either.
    if (!setup_.same_lower || IsOld(level.value()->st)) return Act();
    auto removed = WhyRemoved();
    if (!removed.ok()) return Fail(std::move(removed.failure()));
    const bool wanted = setup_.options.conflicts == Conflicts::kTheirs;
    return removed.value() == nullptr || wanted ? Act() : Conflict(removed.value());
  }
  if (!was) return Differs();
  if (setup_.same_lower) {
    const struct stat& st = before().top.st;
    const bool same = unopened_ || (st.st_ino == look_.st.st_ino && st.st_dev == look_.st.st_dev);
    return same && IsOld(look_.st) ? Act() : Differs();
  }
  return Compare(Comparing::kBefore);
}

// Of what the upper has and the lower has not (any more): why it must be taken for something that
// was there. Null: it is new. What was copied up says so by its mark "origin". Moved within the
// overlay it has that too, but the lower still has what it came from; and another name of it may be
// where that is. A mount without file handles (an ordinary user's) says no more than that.
Result<const char*> ApplyPreparation::WhyRemoved() {
  if (std::exchange(unopened_, false)) {
    auto found = setup_.search->Find(path_, entry_);
    if (!found.ok()) return std::move(found.failure());
  }
  const LayerEntry& top = after().top;
  const bool file = !S_ISDIR(top.st.st_mode);
  if (!info_.renamed_from.empty() || top.dir->layer() != LayerDir::kUpper) return nullptr;
  if (file && top.st.st_nlink > 1) return nullptr;
  std::string value;
  auto origin = GetXattrOf(top, MarkerName(layers().marks.space(), "origin"), value);
  // Reading user.* takes read permission on the file; without it it could not be applied either.
  if (!origin.ok()) return std::move(origin.failure());
  if (!origin.value()) return nullptr;
  return value.empty() ? "maybe-gone" : "gone";
}

// The directory of a change is not there: it is one that was not chosen itself, or somebody else
// has removed it, or made something else of it.
Status ApplyPreparation::JudgeMissingDirectory(const ApplyLevel& level) {
  if (IsKind(info_, ChangeKind::kDeleted)) {
    skip_ = path_;
    Report(ApplyOutcome::kAlready, nullptr);
    return Done{};
  }
  const std::string path = level.path;
  const bool something = level.st.st_ino != 0;
  SideEntry directory;
  auto found = setup_.search->Find(path, directory);
  if (!found.ok()) return Fail(std::move(found.failure()));
  const bool was_directory = directory.sides.before.kind == Found::Kind::kDirectory;
  if (something && !was_directory) {
    return Fail(InDestination(ENOTDIR, "openat2", "parent-not-selected"));
  }
  if (was_directory && setup_.options.conflicts != Conflicts::kTheirs) {
    return Conflict("directory-gone");
  }
  if (something) return Conflict("directory-gone");  // nobody asked to replace what is there
  return StartImplied(path);
}

// A directory that stays where it is: only its own attributes are compared and set.
Status ApplyPreparation::JudgeInPlace() {
  auto level = GoTo(path_);
  if (!level.ok()) return std::move(level.failure());
  ApplyLevel& at = *level.value();
  if (at.submount || !at.dir) return Fail(InDestination(EXDEV, "openat2", "submount"));
  there_ = LayerEntry{at.dir, "", at.st};
  auto there = ReadXattrs(there_, there_marks_, build_.names());
  if (!there.ok()) return FailInPlace(std::move(there.failure()));
  const auto differs = [&](const Found& side) -> Result<bool> {
    auto xattrs = ReadXattrs(side, build_.marks(), build_.names());
    if (!xattrs.ok()) return std::move(xattrs.failure());
    Aspects aspects = CompareStat(side.top.st, at.st);
    // Of the root it may be one that could not be had.
    if (path_.empty() && (info_.aspects & kAspectOwner) == 0) {
      aspects &= static_cast<Aspects>(~kAspectOwner);
    }
    return aspects != 0 || xattrs.value() != there.value();
  };
  auto other = differs(after());
  if (!other.ok()) return FailInPlace(std::move(other.failure()));
  if (!other.value()) {
    Report(ApplyOutcome::kAlready, nullptr);
    return Done{};
  }
  const bool was = before().kind == Found::Kind::kDirectory;
  bool conflict = !was;
  if (was && setup_.same_lower) conflict = !IsOld(at.st);
  if (was && !setup_.same_lower) {
    auto changed = differs(before());
    if (!changed.ok()) return FailInPlace(std::move(changed.failure()));
    conflict = changed.value();
  }
  if (conflict && setup_.options.conflicts != Conflicts::kTheirs) {
    return Conflict(was ? "changed" : "exists");
  }
  return PlanInPlace(at, there.value());
}

Status ApplyPreparation::PlanInPlace(ApplyLevel& level, const Xattrs& there) {
  const struct stat& st = after().top.st;
  auto wanted = ReadXattrs(after(), build_.marks(), build_.names());
  if (!wanted.ok()) return FailInPlace(std::move(wanted.failure()));
  const bool owner = IsKind(info_, ChangeKind::kAdded) || (info_.aspects & kAspectOwner) != 0 ||
                     info_.previous_type != 0;
  struct stat made = st;
  if (!owner) {
    made.st_uid = level.st.st_uid;
    made.st_gid = level.st.st_gid;
  }
  auto may = privilege_.MayChange(level.st, info_.path);
  if (may.ok() && owner) may = privilege_.MayMake(made, wanted.value(), info_.path);
  if (may.ok() && level.fixed) may = InDestination(EPERM, "fchmod", "immutable");
  if (!may.ok()) return FailInPlace(std::move(may.failure()));
  auto entered = Enter(level, st.st_mtim);
  if (!entered.ok()) return entered;
  LeaveRecord& leave = *level.leave;
  leave.after = {made.st_uid, made.st_gid, made.st_mode & 07777};
  leave.xattrs = CompareXattrs(there, wanted.value());
  leave.change = info_;
  Report(ApplyOutcome::kApplied, nullptr);
  return Done{};
}

Status ApplyPreparation::Compare(Comparing what) {
  const Found& side = what == Comparing::kAfter ? after() : before();
  auto opened =
      EntryComparison::Open({side.top, side.data, build_.marks()}, {there_, there_, there_marks_});
  if (!opened.ok()) return Fail(std::move(opened.failure()));
  comparison_ = std::move(opened.value());
  comparing_ = what;
  return Done{};
}

Status ApplyPreparation::StepComparison() {
  auto state = comparison_->Step();
  if (state.ok() && state.value() == EntryComparison::State::kMore) return Done{};
  const Comparing what = std::exchange(comparing_, Comparing::kNothing);
  comparison_.reset();
  if (!state.ok()) return Fail(std::move(state.failure()));
  const bool same = state.value() == EntryComparison::State::kSame;
  switch (what) {
    case Comparing::kBefore:
      return same ? Act() : Differs();
    case Comparing::kAfter:
      if (!same && setup_.options.conflicts == Conflicts::kTheirs) return Act();
      if (!same) return Conflict(before().kind == Found::Kind::kNothing ? "exists" : "changed");
      // Whether its names are those of one file there as well nobody can say: they are made so. (A
      // file that moved with its directory can be linked from its old place only.)
      if (HasOtherNames() && after().top.dir->layer() == LayerDir::kUpper) return Act();
      Report(ApplyOutcome::kAlready, nullptr);
      return Done{};
    default:
      if (!same && !unit_->refused) unit_->refused = InDestination(0, "", "changed-below");
      return Done{};
  }
}

// The destination is not what the change was made from. It may have become what it is to be by
// itself.
Status ApplyPreparation::Differs() {
  const bool file = after().kind == Found::Kind::kFile && !S_ISDIR(look_.st.st_mode);
  if (exists_ && file && !setup_.same_lower) return Compare(Comparing::kAfter);
  if (setup_.options.conflicts == Conflicts::kTheirs) return Act();
  return Conflict(exists_ ? "changed" : "gone");
}

// A part of a tree that is going to be removed.
Status ApplyPreparation::CheckRemoved() {
  if (unit_->refused) return Done{};
  const bool lenient = setup_.options.conflicts == Conflicts::kTheirs;
  if (setup_.same_lower) {
    if (!lenient && !IsOld(before().top.st)) {
      unit_->refused = InDestination(0, "", "changed-below");
    }
    if (!setup_.options.filter.Excludes()) return Done{};
  } else if (lenient && !setup_.options.filter.Excludes()) {
    return Done{};
  }
  auto level = GoTo(DirectoryOf(path_));
  if (!level.ok()) return std::move(level.failure());
  if (!level.value()->dir) return Done{};  // it is gone already
  auto fd = level.value()->dir->Fd();
  if (!fd.ok()) return Fail(std::move(fd.failure()));
  const std::string name = NameIn(path_);
  auto there = LookAt(fd.value(), name, look_);
  if (!there.ok()) return Fail(Located(std::move(there.failure()), level.value()->dir, name));
  if (!there.value()) return Done{};
  ++level.value()->names;
  there_ = LayerEntry{level.value()->dir, name, look_.st};
  if (S_ISDIR(look_.st.st_mode)) {
    // So that its names are counted also where there are none.
    auto inner = GoTo(path_);
    if (!inner.ok()) return std::move(inner.failure());
  }
  return setup_.same_lower || lenient ? Status(Done{}) : Compare(Comparing::kRemoved);
}

Status ApplyPreparation::Write(const ApplyRecord& record) {
  return dry() ? Status(Done{}) : setup_.journal->Add(record);
}

}  // namespace ovl
