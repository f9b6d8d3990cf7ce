// Making what was judged to be done. The judging: apply_prepare.cc.
#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "core/apply_prepare.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_make.h"

namespace ovl {

namespace {

constexpr mode_t kOwnerWrites = 0200;

Result<uint64_t> CountNames(const DirPtr& dir) {
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  // A descriptor of its own: the position of the other one may be anywhere.
  const UniqueFd again(::openat(fd.value(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) return Located(Errno("openat"), dir, "");
  uint64_t count = 0;
  for (;;) {
    auto more = ReadSomeEntries(again.get(), [&](const DirEntry&) { ++count; });
    if (!more.ok()) return Located(std::move(more.failure()), dir, "");
    if (!more.value()) return count;
  }
}

}  // namespace

Result<ApplyLevel*> ApplyPreparation::GoTo(std::string_view path) {
  return levels_.GoTo(path, [this](ApplyLevel& level) { return Leave(level); });
}

Status ApplyPreparation::Leave(ApplyLevel& level) {
  if (level.leave) return Write(*level.leave);
  if (!level.removing || !level.dir || !unit_ || unit_->refused) return Done{};
  auto count = CountNames(level.dir);
  if (!count.ok()) return std::move(count.failure());
  if (count.value() == level.names) return Done{};
  const bool part = setup_.options.filter.Excludes();
  if (!part && setup_.options.conflicts == Conflicts::kTheirs) return Done{};
  unit_->refused = part ? InDestination(ENOTEMPTY, "renameat2", "part-excluded")
                        : InDestination(0, "", "more-below");
  return Done{};
}

// Whether names in the directory can be changed, now or once its mode is.
Status ApplyPreparation::MayEnter(const ApplyLevel& level) {
  if (level.leave) return Done{};
  auto fd = level.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  if (level.fixed) return InDestination(EPERM, "renameat2", "immutable");
  if (MayChangeNames(fd.value()) || level.st.st_uid == ::geteuid()) return Done{};
  return InDestination(EACCES, "renameat2", "directory-not-writable");
}

Status ApplyPreparation::Enter(ApplyLevel& level, const struct timespec& mtime) {
  if (level.leave) return Done{};
  auto fd = level.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  const struct stat& st = level.st;
  EnterRecord enter;
  enter.path = level.path;
  enter.ino = st.st_ino;
  enter.mode = st.st_mode & 07777;
  enter.seconds = st.st_mtim.tv_sec;
  enter.nanoseconds = st.st_mtim.tv_nsec;
  enter.unlock = !MayChangeNames(fd.value());
  LeaveRecord leave;
  leave.path = level.path;
  leave.ino = st.st_ino;
  leave.before = leave.after = {st.st_uid, st.st_gid, st.st_mode & 07777};
  leave.seconds = mtime.tv_sec;
  leave.nanoseconds = mtime.tv_nsec;
  level.leave = std::move(leave);
  return Write(enter);
}

// Whether what has the name can be moved away.
Status ApplyPreparation::MayReplace(const ApplyLevel& level) {
  if (!exists_) return Done{};
  if (look_.fixed) return InDestination(EPERM, "renameat2", "immutable");
  if (!privilege_.MayMove(level.st, look_.st)) {
    return InDestination(EPERM, "renameat2", "sticky");
  }
  if (!S_ISDIR(look_.st.st_mode)) return Done{};
  if (HoldsMount(path_)) return InDestination(EBUSY, "renameat2", "mount-below");
  return dry() ? Status(Done{}) : TryToMove();
}

// Some directories cannot be moved at all: an overlay answers EXDEV for one of its lowers, a
// project quota for one of another project. The kernel says so of a rename onto a directory that is
// not empty, which it never does.
Status ApplyPreparation::TryToMove() {
  constexpr char kFull[] = "full";
  auto slots = setup_.stage->slots()->Fd();
  if (!slots.ok()) return std::move(slots.failure());
  if (!can_try_) {
    auto made = MakeDirectoryAt(slots.value(), kFull, 0700);
    if (made.ok()) made = MakeDirectoryAt(slots.value(), std::string(kFull) + "/full", 0700);
    if (!made.ok()) return made;
    can_try_ = true;
  }
  auto fd = dir_->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto tried = RenameAt(fd.value(), there_.name, slots.value(), kFull, Renaming::kOver);
  if (tried.ok()) return InDestination(EBUSY, "renameat2", "changed-meanwhile");
  if (tried.failure().err == EXDEV) {
    return InDestination(EXDEV, "renameat2", "directory-cannot-move");
  }
  return Done{};  // what else is in the way is judged by itself
}

Status ApplyPreparation::Act() {
  auto level = GoTo(DirectoryOf(path_));
  if (!level.ok()) return std::move(level.failure());
  auto may = MayEnter(*level.value());
  if (may.ok()) may = MayReplace(*level.value());
  if (!may.ok()) return Fail(std::move(may.failure()));
  unit_.emplace();
  unit_->path = path_;
  unit_->mtime = entry_.directory.st_mtim;
  UnitRecord& record = unit_->record;
  record.path = path_;
  record.slot = slots_++;
  record.change = info_;
  const bool deleted = info_.kind == static_cast<uint8_t>(ChangeKind::kDeleted);
  record.kind = deleted ? UnitKind::kRemove : exists_ ? UnitKind::kReplace : UnitKind::kAdd;
  const bool tree = exists_ && S_ISDIR(look_.st.st_mode);
  if (exists_) record.before = Identity::Of(look_.st);
  if (tree && !privilege_.IgnoresModes() && (look_.st.st_mode & kOwnerWrites) == 0) {
    record.unlock_before = look_.st.st_mode & 07777;
  }
  unit_->removing = tree;
  if (tree && (!setup_.same_lower || setup_.options.filter.Excludes())) {
    auto inner = GoTo(path_);
    if (!inner.ok()) return std::move(inner.failure());
    inner.value()->removing = true;
  }
  if (deleted) return tree ? Status(Done{}) : CloseUnit();
  return BecomesDirectory() ? ActOnTree() : ActOnFile();
}

Status ApplyPreparation::ActOnTree() {
  if (!dry()) place_ = InSlots(unit_->record.slot);
  auto begun = BeginInner(after(), place_, path_);
  if (!begun.ok()) {
    unit_.reset();
    return Fail(std::move(begun.failure()));
  }
  unit_->record.after = Identity::Of(build_.made());
  // A directory without the right to write into it cannot be moved by its owner.
  ApplyUnit::Inner& root = unit_->inner.back();
  if (!privilege_.IgnoresModes() && (root.mode & kOwnerWrites) == 0) {
    unit_->record.lock_after = root.mode;
    root.mode |= kOwnerWrites;
  }
  return CommitUnit();
}

Status ApplyPreparation::ActOnFile() {
  if (!dry() && !as_part_) place_ = InSlots(unit_->record.slot);
  const struct stat& st = after().top.st;
  const auto failed = [this](Failure failure) {
    if (!as_part_) unit_.reset();
    return Fail(std::move(failure));
  };
  if (dry()) {
    auto xattrs = ReadXattrs(after(), build_.marks(), build_.names());
    if (!xattrs.ok()) return failed(std::move(xattrs.failure()));
    auto may = privilege_.MayMake(st, xattrs.value(), info_.path);
    if (!may.ok()) return failed(std::move(may.failure()));
    if (S_ISREG(st.st_mode)) {
      auto data = ApplyBuild::OpenData(after());
      if (!data.ok()) return failed(std::move(data.failure()));
      plan_.bytes += static_cast<uint64_t>(st.st_blocks) * 512;
    }
    ++plan_.inodes;
    return FileIsMade();
  }
  std::optional<DataFile> data;
  if (unopened_) {
    auto opened = ApplyBuild::OpenData(after());
    if (!opened.ok()) return failed(std::move(opened.failure()));
    data = std::move(opened.value());
    entry_.sides.after.top.st = entry_.sides.after.data.st = data->st;
    unopened_ = false;
  }
  if (HasOtherNames()) {
    auto joined = build_.JoinGroup(st, place_);
    if (!joined.ok()) return failed(std::move(joined.failure()));
    if (joined.value()) return FileIsMade();
  }
  auto moved = LinkMoved(place_);
  if (!moved.ok()) return failed(std::move(moved.failure()));
  if (moved.value()) return FileIsMade();
  auto made = build_.BeginFile(after(), place_, std::move(data));
  if (!made.ok()) return failed(std::move(made.failure()));
  return made.value() ? FileIsMade() : Status(Done{});
}

Status ApplyPreparation::StepCopy() {
  auto more = build_.StepCopy();
  if (!more.ok()) {
    if (!as_part_) unit_.reset();
    return Fail(std::move(more.failure()));
  }
  return more.value() ? Status(Done{}) : FileIsMade();
}

Status ApplyPreparation::FileIsMade() {
  if (!dry()) {
    plan_.bytes = build_.bytes();
    if (HasOtherNames()) build_.RememberGroup(after().top.st, place_);
  }
  if (as_part_) {
    auto written = Write(PartRecord{info_});
    if (!written.ok()) return written;
    Report(ApplyOutcome::kApplied, nullptr);
    return Done{};
  }
  if (!dry()) unit_->record.after = Identity::Of(build_.made());
  // Where a tree has to go for it, that is looked at first.
  return unit_->removing ? Status(Done{}) : CloseUnit();
}

// A file that only moved with its directory is not copied: where it was before, the destination has
// it, and gets another name for it. So its other names stay names of it as well.
Result<bool> ApplyPreparation::LinkMoved(const BuildPlace& place) {
  const LayerEntry& top = after().top;
  if (!top.dir || top.dir->layer() == LayerDir::kUpper || layers().plain) return false;
  if (!setup_.same_lower && top.st.st_nlink < 2) return false;
  const std::string from = entry_.PathInRenamed();
  auto dir = DestinationDirectory(DirectoryOf(from));
  if (!dir.ok()) return std::move(dir.failure());
  if (!dir.value()) return false;
  auto fd = dir.value()->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  Look look;
  auto there = LookAt(fd.value(), NameIn(from), look);
  if (!there.ok()) return Located(std::move(there.failure()), dir.value(), NameIn(from));
  if (!there.value() || look.mount_root) return false;
  if (setup_.same_lower) {
    if (look.st.st_ino != top.st.st_ino || look.st.st_dev != top.st.st_dev) return false;
  } else {
    const LayerEntry entry{dir.value(), NameIn(from), look.st};
    auto comparison =
        EntryComparison::Open({top, after().data, build_.marks()}, {entry, entry, there_marks_});
    if (!comparison.ok()) return std::move(comparison.failure());
    for (;;) {
      auto state = comparison.value().Step();
      if (!state.ok()) return std::move(state.failure());
      if (state.value() == EntryComparison::State::kDifferent) return false;
      if (state.value() == EntryComparison::State::kSame) break;
    }
  }
  if (setup_.options.since) linked_.emplace(look.st.st_ino, look.st.st_ctim);
  return build_.LinkExisting(fd.value(), NameIn(from), place);
}

// Nothing where there is none. Nothing is put there, so nothing is written down of it.
Result<DirPtr> ApplyPreparation::DestinationDirectory(std::string_view path) {
  if (moved_dir_ && moved_path_ == path) return moved_dir_;
  DirPtr dir = setup_.root;
  for (size_t from = 0; from < path.size();) {
    const size_t end = std::min(path.find('/', from), path.size());
    auto fd = dir->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    const std::string name(path.substr(from, end - from));
    Look look;
    auto there = LookAt(fd.value(), name, look);
    if (!there.ok()) return Located(std::move(there.failure()), dir, name);
    const bool inside = look.st.st_dev == setup_.root_st.st_dev && !look.mount_root;
    if (!there.value() || !S_ISDIR(look.st.st_mode) || !inside) return DirPtr();
    dir = LayerDir::Child(dir, name, look.st.st_dev, look.st.st_ino);
    from = end + 1;
  }
  moved_path_ = path;
  moved_dir_ = dir;
  return dir;
}

// Nothing more is going to be found out about the unit.
Status ApplyPreparation::CloseUnit() {
  if (!unit_) return Done{};
  while (!unit_->inner.empty()) {
    auto ended = EndInner();
    if (!ended.ok()) return ended;
  }
  if (!unit_->committed) return CommitUnit();
  unit_.reset();
  return Done{};
}

Status ApplyPreparation::CommitUnit() {
  // Leaves the tree that is to be removed, and counts its names.
  auto level = GoTo(DirectoryOf(unit_->path));
  if (!level.ok()) return std::move(level.failure());
  info_ = *unit_->record.change;
  path_ = unit_->path;
  if (unit_->refused) {
    const Failure failure = *std::exchange(unit_->refused, std::nullopt);
    if (!dry() && unit_->record.kind == UnitKind::kReplace) {
      auto slots = setup_.stage->slots()->Fd();
      if (!slots.ok()) return std::move(slots.failure());
      auto gone = UnlinkAt(slots.value(), ApplyStage::SlotName(unit_->record.slot), 0);
      if (!gone.ok()) return gone;
      build_.ForgetGroup(setup_.stage->slots(), ApplyStage::SlotName(unit_->record.slot));
    }
    unit_.reset();
    if (failure.err != 0) return Fail(failure);
    const bool kept = setup_.options.conflicts == Conflicts::kOurs;
    Failure conflict = failure;
    conflict.err = ESTALE;
    Report(kept ? ApplyOutcome::kKept : ApplyOutcome::kConflict, &conflict);
    return Done{};
  }
  auto entered = Enter(*level.value(), unit_->mtime);
  if (entered.ok()) entered = Write(unit_->record);
  if (!entered.ok()) return entered;
  Report(ApplyOutcome::kApplied, nullptr);
  unit_->committed = true;
  if (unit_->inner.empty()) unit_.reset();
  return Done{};
}

}  // namespace ovl
