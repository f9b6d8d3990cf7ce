#include "core/apply_commit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/apply_levels.h"
#include "core/apply_stage.h"
#include "core/apply_swap.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr mode_t kOwnerAll = 0700;
constexpr mode_t kOwnerChanges = 0300;
const DirPtr kNowhere;

struct timespec TimeOf(int64_t seconds, int64_t nanoseconds) {
  struct timespec time {};
  time.tv_sec = static_cast<time_t>(seconds);
  time.tv_nsec = static_cast<long>(nanoseconds);
  return time;
}

Failure At(Failure failure, const DirPtr& dir) {
  failure.path = dir->PathOf("");
  return failure;
}

Status SetXattrs(int fd, const std::vector<XattrChange>& changes, bool forwards) {
  for (const XattrChange& change : changes) {
    const bool has = forwards ? change.has : change.had;
    auto set = has ? SetXattr(fd, change.name, forwards ? change.after : change.before)
                   : RemoveXattr(fd, change.name);
    if (!set.ok()) return set;
  }
  return Done{};
}

// Owner, extended attributes, mode.
// That of a directory of somebody else cannot be set, and is not to be changed.
Status SetModeIfOther(int fd, mode_t mode) {
  auto st = StatFd(fd);
  if (!st.ok()) return std::move(st.failure());
  return (st.value().st_mode & 07777) == mode ? Status(Done{}) : SetMode(fd, mode);
}

Status SetOwnership(int fd, const Ownership& from, const Ownership& to,
                    const std::vector<XattrChange>& xattrs, bool forwards) {
  Status status = Done{};
  if (from.uid != to.uid || from.gid != to.gid) status = SetOwner(fd, to.uid, to.gid);
  if (status.ok()) status = SetXattrs(fd, xattrs, forwards);
  if (status.ok()) status = SetModeIfOther(fd, to.mode);
  return status;
}

}  // namespace

// By names from the destination, or from the nearest directory that is known. Null where it is gone
// or another one.
Result<DirPtr> ApplyCommit::Find(const std::string& path, uint64_t ino) const {
  DirPtr dir = root_;
  size_t from = 0;
  for (const Level& level : levels_) {
    if (level.dir && !level.path.empty() && IsPathBelow(path, level.path)) {
      dir = level.dir;
      from = level.path.size() + 1;
    }
  }
  const DirPtr known = dir;
  while (from < path.size()) {
    const size_t end = std::min(path.find('/', from), path.size());
    const std::string name = path.substr(from, end - from);
    Look look;
    auto there = LookAtPlace({dir, name}, look);
    if (!there.ok()) {
      if (there.failure().err == ENOENT) return DirPtr();
      return std::move(there.failure());
    }
    const bool inside = there.value() && look.st.st_dev == root_->dev() && !look.mount_root;
    if (!inside || !S_ISDIR(look.st.st_mode)) return DirPtr();
    // In between nothing changes, and there may be any number of them.
    if (dir != known && dir->parent() != known) dir->parent()->Close();
    dir = LayerDir::Child(dir, name, look.st.st_dev, look.st.st_ino);
    from = end + 1;
  }
  if (dir->ino() != ino) return DirPtr();
  return dir;
}

Status ApplyCommit::Push(const std::string& path, uint64_t ino) {
  auto dir = Find(path, ino);
  if (!dir.ok()) return std::move(dir.failure());
  levels_.push_back({path, std::move(dir.value())});
  if (levels_.size() <= kOpenLevels) return Done{};
  const size_t far = levels_.size() - 1 - kOpenLevels;
  CloseUpTo(levels_[far].dir, far == 0 ? root_ : levels_[far - 1].dir);
  return Done{};
}

DirPtr ApplyCommit::Pop() {
  DirPtr dir = std::move(levels_.back().dir);
  levels_.pop_back();
  if (dir) (void)dir->OpenWayBack();
  return dir;
}

const DirPtr& ApplyCommit::Directory(const UnitRecord& unit) const {
  if (levels_.empty() || levels_.back().path != DirectoryOf(unit.path)) return kNowhere;
  return levels_.back().dir;
}

Failure ApplyCommit::ChangedMeanwhile(const std::string& path) const {
  return Refusal(ESTALE, "renameat2", "changed-meanwhile", root_->PathOf(path));
}

Status SetModificationTime(int dir, const struct timespec& time) {
  struct timespec unchanged {};
  unchanged.tv_nsec = UTIME_OMIT;
  auto set = SetTimes(dir, unchanged, time);
  if (set.ok() || set.failure().err != EPERM) return set;
  auto st = StatFd(dir);
  if (!st.ok() || st.value().st_uid == ::geteuid()) return set;
  return Done{};
}

Result<bool> ApplyCommit::Redo(ApplySink& sink) {
  auto next = journal_.Next();
  if (!next.ok()) return std::move(next.failure());
  if (!next.value()) return false;
  const ApplyRecord& record = *next.value();
  Status status = Done{};
  if (const auto* enter = std::get_if<EnterRecord>(&record)) {
    status = RedoEnter(*enter);
  } else if (const auto* leave = std::get_if<LeaveRecord>(&record)) {
    status = RedoLeave(*leave, sink);
  } else if (const auto* unit = std::get_if<UnitRecord>(&record)) {
    status = RedoUnit(*unit, sink);
  } else if (!unit_lost_) {
    ++done_;
    sink.Add(ApplyOutcome::kApplied, std::get<PartRecord>(record).change, nullptr);
  }
  if (!status.ok()) return std::move(status.failure());
  return true;
}

Status ApplyCommit::RedoEnter(const EnterRecord& record) {
  auto pushed = Push(record.path, record.ino);
  if (!pushed.ok() || !record.unlock || !levels_.back().dir) return pushed;
  auto fd = levels_.back().dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto set = SetMode(fd.value(), record.mode | kOwnerAll);
  if (!set.ok()) return At(std::move(set.failure()), levels_.back().dir);
  return Done{};
}

Status ApplyCommit::RedoLeave(const LeaveRecord& record, ApplySink& sink) {
  if (levels_.empty() || levels_.back().path != record.path) return journal_.Damaged();
  const DirPtr dir = Pop();
  if (!dir) {
    if (!record.change) return Done{};
    const Failure failure = ChangedMeanwhile(record.path);
    sink.Add(ApplyOutcome::kConflict, *record.change, &failure);
    return Done{};
  }
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto status = SetOwnership(fd.value(), record.before, record.after, record.xattrs, true);
  if (status.ok()) {
    status = SetModificationTime(fd.value(), TimeOf(record.seconds, record.nanoseconds));
  }
  if (!status.ok()) return At(std::move(status.failure()), dir);
  if (record.change) {
    ++done_;
    sink.Add(ApplyOutcome::kApplied, *record.change, nullptr);
  }
  return Done{};
}

Status ApplyCommit::RedoUnit(const UnitRecord& record, ApplySink& sink) {
  const DirPtr& dir = Directory(record);
  Result<Met> met = Met::kLost;
  if (dir) {
    met = record.kind == UnitKind::kAdd       ? Put(record, dir)
          : record.kind == UnitKind::kReplace ? Exchange(record, dir)
                                              : Remove(record, dir);
  }
  if (!met.ok()) return std::move(met.failure());
  unit_lost_ = met.value() == Met::kLost;
  if (unit_lost_) {
    const Failure failure = ChangedMeanwhile(record.path);
    sink.Add(ApplyOutcome::kConflict, *record.change, &failure);
    return Done{};
  }
  if (record.lock_after != UnitRecord::kNoMode) {
    auto locked = SetModeOf({dir, NameIn(record.path)}, record.lock_after);
    if (!locked.ok()) return locked;
  }
  ++done_;
  sink.Add(ApplyOutcome::kApplied, *record.change, nullptr);
  return Done{};
}

Result<ApplyCommit::Met> ApplyCommit::Put(const UnitRecord& record, const DirPtr& dir) {
  const Place slot{slots_, ApplyStage::SlotName(record.slot)};
  const Place place{dir, NameIn(record.path)};
  auto moved = MoveTo(slot, place);
  if (!moved.ok()) return std::move(moved.failure());
  if (moved.value() == Moved::kMoved) return Met::kDone;
  if (moved.value() == Moved::kOccupied) return Met::kLost;
  Look look;
  auto there = LookAtPlace(place, look);
  if (!there.ok()) return std::move(there.failure());
  return there.value() && record.after.IsOf(look.st) ? Met::kDone : Met::kLost;
}

Result<ApplyCommit::Met> ApplyCommit::Exchange(const UnitRecord& record, const DirPtr& dir) {
  const Place slot{slots_, ApplyStage::SlotName(record.slot)};
  const Place place{dir, NameIn(record.path)};
  Look look;
  auto there = LookAtPlace(slot, look);
  if (!there.ok()) return std::move(there.failure());
  if (!there.value()) {
    auto settled = SettleExchange(slot, place);
    if (!settled.ok()) return std::move(settled.failure());
    return settled.value() ? Exchange(record, dir) : Met::kLost;
  }
  if (record.before.IsOf(look.st)) return Met::kDone;
  if (!record.after.IsOf(look.st)) return Met::kLost;
  if (record.unlock_before != UnitRecord::kNoMode) {
    auto unlocked = SetModeOf(place, record.unlock_before | kOwnerAll);
    if (!unlocked.ok()) return std::move(unlocked.failure());
  }
  auto moved = ovl::Exchange(slot, place);
  if (!moved.ok()) return std::move(moved.failure());
  if (moved.value() != Moved::kMoved) {
    auto settled = SettleExchange(slot, place);
    if (!settled.ok()) return std::move(settled.failure());
    return settled.value() ? Exchange(record, dir) : Met::kLost;
  }
  // What came back is what was to be replaced, or it goes back.
  there = LookAtPlace(slot, look);
  if (!there.ok()) return std::move(there.failure());
  if (there.value() && record.before.IsOf(look.st)) return Met::kDone;
  moved = ovl::Exchange(slot, place);
  if (!moved.ok()) return std::move(moved.failure());
  return Met::kLost;
}

Result<ApplyCommit::Met> ApplyCommit::Remove(const UnitRecord& record, const DirPtr& dir) {
  const Place slot{slots_, ApplyStage::SlotName(record.slot)};
  const Place place{dir, NameIn(record.path)};
  Look look;
  auto there = LookAtPlace(slot, look);
  if (!there.ok()) return std::move(there.failure());
  if (there.value()) return record.before.IsOf(look.st) ? Met::kDone : Met::kLost;
  if (record.unlock_before != UnitRecord::kNoMode) {
    auto unlocked = SetModeOf(place, record.unlock_before | kOwnerAll);
    if (!unlocked.ok() && unlocked.failure().err != ENOENT) return std::move(unlocked.failure());
  }
  auto moved = MoveTo(place, slot);
  if (!moved.ok()) return std::move(moved.failure());
  if (moved.value() != Moved::kMoved) return Met::kDone;  // somebody else has removed it
  there = LookAtPlace(slot, look);
  if (!there.ok()) return std::move(there.failure());
  if (there.value() && record.before.IsOf(look.st)) return Met::kDone;
  moved = MoveTo(slot, place);
  if (!moved.ok()) return std::move(moved.failure());
  return Met::kLost;
}

Result<bool> ApplyCommit::Undo(ApplySink& sink) {
  if (!begun_) {
    begun_ = true;
    levels_.clear();
    journal_.ToEnd();
  }
  auto previous = journal_.Previous();
  if (!previous.ok()) return std::move(previous.failure());
  if (!previous.value()) return false;
  const ApplyRecord& record = *previous.value();
  Status status = Done{};
  if (const auto* enter = std::get_if<EnterRecord>(&record)) {
    status = UndoEnter(*enter);
  } else if (const auto* leave = std::get_if<LeaveRecord>(&record)) {
    status = UndoLeave(*leave);
  } else if (const auto* unit = std::get_if<UnitRecord>(&record)) {
    status = UndoUnit(*unit, sink);
  }
  if (!status.ok()) return std::move(status.failure());
  return true;
}

// It has to stay open for what follows.
Status ApplyCommit::UndoLeave(const LeaveRecord& record) {
  auto pushed = Push(record.path, record.ino);
  if (!pushed.ok()) return pushed;
  const DirPtr& dir = levels_.back().dir;
  if (!dir) return Done{};
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  Ownership before = record.before;
  if ((before.mode & kOwnerChanges) != kOwnerChanges) before.mode |= kOwnerAll;
  auto status = SetOwnership(fd.value(), record.after, before, record.xattrs, false);
  if (!status.ok()) return At(std::move(status.failure()), dir);
  return Done{};
}

Status ApplyCommit::UndoEnter(const EnterRecord& record) {
  if (levels_.empty() || levels_.back().path != record.path) return journal_.Damaged();
  const DirPtr dir = Pop();
  if (!dir) return Done{};
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto status = SetModificationTime(fd.value(), TimeOf(record.seconds, record.nanoseconds));
  if (status.ok()) status = SetModeIfOther(fd.value(), record.mode);
  if (!status.ok()) return At(std::move(status.failure()), dir);
  return Done{};
}

Status ApplyCommit::UndoUnit(const UnitRecord& record, ApplySink& sink) {
  const DirPtr& dir = Directory(record);
  Result<Met> met = Met::kLost;
  if (dir) met = record.kind == UnitKind::kAdd ? TakeBack(record, dir) : Restore(record, dir);
  if (!met.ok()) return std::move(met.failure());
  if (met.value() == Met::kDone) return Done{};
  ++lost_;
  Failure failure = ChangedMeanwhile(record.path);
  failure.dest = slots_->PathOf(ApplyStage::SlotName(record.slot));
  sink.Add(ApplyOutcome::kConflict, *record.change, &failure);
  return Done{};
}

Result<ApplyCommit::Met> ApplyCommit::TakeBack(const UnitRecord& record, const DirPtr& dir) {
  const Place slot{slots_, ApplyStage::SlotName(record.slot)};
  const Place place{dir, NameIn(record.path)};
  Look look;
  auto there = LookAtPlace(slot, look);
  if (!there.ok()) return std::move(there.failure());
  if (there.value()) return Met::kDone;  // it was never put there
  there = LookAtPlace(place, look);
  if (!there.ok()) return std::move(there.failure());
  if (!there.value()) return Met::kDone;  // somebody has removed it
  if (!record.after.IsOf(look.st)) return Met::kLost;
  if (record.lock_after != UnitRecord::kNoMode) {
    auto unlocked = SetModeOf(place, record.lock_after | kOwnerAll);
    if (!unlocked.ok()) return std::move(unlocked.failure());
  }
  auto moved = MoveTo(place, slot);
  if (!moved.ok()) return std::move(moved.failure());
  return moved.value() == Moved::kOccupied ? Met::kLost : Met::kDone;
}

Result<ApplyCommit::Met> ApplyCommit::Restore(const UnitRecord& record, const DirPtr& dir) {
  const Place slot{slots_, ApplyStage::SlotName(record.slot)};
  const Place place{dir, NameIn(record.path)};
  Look look;
  auto there = LookAtPlace(slot, look);
  if (!there.ok()) return std::move(there.failure());
  if (record.kind == UnitKind::kReplace && !(there.value() && record.before.IsOf(look.st))) {
    auto settled = SettleExchange(slot, place);
    if (!settled.ok()) return std::move(settled.failure());
    if (settled.value()) there = LookAtPlace(slot, look);
    if (!there.ok()) return std::move(there.failure());
  }
  if (there.value() && record.before.IsOf(look.st)) {
    if (record.kind == UnitKind::kReplace && record.lock_after != UnitRecord::kNoMode) {
      auto unlocked = SetModeOf(place, record.lock_after | kOwnerAll);
      if (!unlocked.ok() && unlocked.failure().err != ENOENT) return std::move(unlocked.failure());
    }
    Look now;
    auto occupied = LookAtPlace(place, now);
    if (!occupied.ok()) return std::move(occupied.failure());
    if (occupied.value() && (record.kind == UnitKind::kRemove || !record.after.IsOf(now.st))) {
      return Met::kLost;
    }
    auto moved = occupied.value() ? ovl::Exchange(slot, place) : MoveTo(slot, place);
    if (!moved.ok()) return std::move(moved.failure());
    if (moved.value() != Moved::kMoved) return Met::kLost;
  }
  if (record.unlock_before == UnitRecord::kNoMode) return Met::kDone;
  auto locked = SetModeOf(place, record.unlock_before);
  if (!locked.ok() && locked.failure().err != ENOENT) return std::move(locked.failure());
  return Met::kDone;
}

}  // namespace ovl
