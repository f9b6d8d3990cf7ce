#include "core/apply.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <ctime>
#include <utility>

#include "core/apply_checks.h"
#include "core/sys_file.h"
#include "core/sys_make.h"

namespace ovl {

Apply::~Apply() = default;

Apply::Progress Apply::progress() const {
  const ApplyPlan& plan = preparation_ ? preparation_->plan() : plan_;
  const uint64_t done = commit_ ? commit_->done() : done_;
  return {phase_, plan.changes, done, plan.bytes, refused_, rolled_back_};
}

Result<bool> Apply::Next(const WorkSlice& slice, ApplySink& sink) {
  while (phase_ != Phase::kEnd && !slice.Over() && !sink.Full()) {
    const bool made = made_;
    auto status = Step(slice, sink);
    if (!status.ok()) {
      phase_ = Phase::kEnd;
      commit_.reset();
      reader_.reset();
      stage_.reset();  // and with it the lock
      return std::move(status.failure());
    }
    // Whoever hears of the last changes may turn back still.
    if (made_ != made) return true;
  }
  return phase_ != Phase::kEnd;
}

Status Apply::Step(const WorkSlice& slice, ApplySink& sink) {
  if (roll_back_.load(std::memory_order_relaxed)) {
    auto turned = TurnBack();
    if (!turned.ok()) return turned;
  }
  switch (phase_) {
    case Phase::kPrepare:
      return StepPrepare(slice, sink);
    case Phase::kCommit:
      return StepCommit(sink);
    case Phase::kUndo:
      return StepUndo(sink);
    case Phase::kDiscard:
      return StepDiscard();
    case Phase::kEnd:
      break;
  }
  return Done{};
}

// Once all has been done it is too late.
Status Apply::TurnBack() {
  prepare_after_ = false;
  if (phase_ == Phase::kCommit) {
    phase_ = Phase::kUndo;
  } else if (phase_ == Phase::kPrepare) {
    preparation_.reset();
    rolled_back_ = true;
    phase_ = stage_ ? Phase::kDiscard : Phase::kEnd;
  }
  return Done{};
}

Status Apply::BeginPrepare() {
  begun_ = true;
  prepare_after_ = false;
  auto again = StatFd(destination_.fd.get());
  if (!again.ok()) return std::move(again.failure());
  destination_.st = again.value();
  if (!options_.dry_run) {
    auto stage = ApplyStage::Create(destination_);
    if (!stage.ok()) return std::move(stage.failure());
    stage_ = std::move(stage.value());
    root_mtime_ = destination_.st.st_mtim;
    JournalHeader header;
    header.stage_ino = stage_->ino();
    header.destination_ino = destination_.st.st_ino;
    header.fingerprint = options_.fingerprint;
    struct timespec now {};
    (void)::clock_gettime(CLOCK_REALTIME, &now);  // fails for no clock that there is
    header.seconds = now.tv_sec;
    header.nanoseconds = now.tv_nsec;
    header.pid = static_cast<uint64_t>(::getpid());
    header.root_seconds = destination_.st.st_mtim.tv_sec;
    header.root_nanoseconds = destination_.st.st_mtim.tv_nsec;
    header.source = source_;
    header.destination = destination_.path;
    auto writer = JournalWriter::Create(stage_->fd(), stage_->JournalName(),
                                        stage_->PathOf(stage_->JournalName()), header);
    if (!writer.ok()) return std::move(writer.failure());
    writer_ = std::move(writer.value());
  }
  auto root = OpenDirectoryAt(destination_.fd.get(), ".");
  if (!root.ok()) return std::move(root.failure());
  auto dir = LayerDir::Root(std::move(root.value()), 0, destination_.path);
  if (!dir.ok()) return std::move(dir.failure());
  ChangeOptions what;
  what.filter = options_.filter;
  // What lies in a removed tree has to be looked at before the tree goes, unless it is certainly
  // what the change was made from.
  const bool certain =
      options_.conflicts == Conflicts::kTheirs || (same_lower_ && !options_.since.has_value());
  what.expand = !certain || options_.filter.Excludes();
  auto walk = ChangeWalk::Open(*layers_, what);
  if (!walk.ok()) return std::move(walk.failure());
  ApplyPreparation::Setup setup;
  setup.walk = std::move(walk.value());
  Layers own = *std::exchange(layers_, std::nullopt);
  own.marks = own.marks.Apart();
  setup.search = std::make_unique<SideSearch>(std::move(own));
  setup.root = std::move(dir.value());
  setup.root_st = destination_.st;
  setup.same_lower = same_lower_;
  setup.occupied = occupied_;
  setup.stage = stage_ ? &*stage_ : nullptr;
  setup.journal = writer_ ? &*writer_ : nullptr;
  setup.options = options_;
  preparation_ = std::make_unique<ApplyPreparation>(std::move(setup));
  return Done{};
}

Status Apply::StepPrepare(const WorkSlice& slice, ApplySink& sink) {
  Status status = Done{};
  if (!begun_) {
    status = BeginPrepare();
  } else {
    auto more = preparation_->Step(slice, sink);
    if (!more.ok()) {
      status = std::move(more.failure());
    } else if (!more.value()) {
      status = EndPrepare();
    }
  }
  if (status.ok()) return Done{};
  preparation_.reset();
  Failure& failure = status.failure();
  const bool full = failure.err == ENOSPC || failure.err == EDQUOT;
  if (full && failure.reason[0] == '\0') failure.reason = "stage-full";
  if (!stage_) return status;
  failure_ = std::move(status.failure());
  phase_ = Phase::kDiscard;
  return Done{};
}

Status Apply::EndPrepare() {
  plan_ = preparation_->plan();
  preparation_.reset();
  layers_.reset();
  refused_ = plan_.failed > 0 && !options_.keep_going;
  if (options_.dry_run) {
    phase_ = Phase::kEnd;
    return CheckSpace();
  }
  if (refused_ || plan_.changes == 0) {
    phase_ = Phase::kDiscard;
    return Done{};
  }
  auto sealed = Seal();
  if (sealed.ok()) sealed = OpenJournal();
  if (sealed.ok()) phase_ = Phase::kCommit;
  return sealed;
}

// From here on the stage says what is to be done. With `sync` everything that is going to be put in
// place is on the disk before the first name leads to it.
Status Apply::Seal() {
  auto sealed = writer_->Seal(options_.sync);
  writer_.reset();
  if (sealed.ok()) sealed = Synced();
  if (!sealed.ok()) return sealed;
  return stage_->Enter(ApplyStage::State::kReady, options_.sync);
}

Status Apply::Synced() {
  if (!options_.sync) return Done{};
  auto synced = SyncFilesystem(stage_->fd());
  if (!synced.ok()) synced.failure().path = destination_.path;
  return synced;
}

Status Apply::OpenJournal() {
  const char* const name = stage_->JournalName();
  auto reader = JournalReader::Open(stage_->fd(), name, stage_->PathOf(name));
  if (!reader.ok()) return std::move(reader.failure());
  const JournalHeader& header = reader.value().header();
  if (header.stage_ino != stage_->ino() || header.destination_ino != destination_.st.st_ino) {
    Failure failure = Refusal(EINVAL, "read", "journal-foreign", stage_->PathOf(name));
    failure.detail = header.destination;
    return failure;
  }
  root_mtime_ = {static_cast<time_t>(header.root_seconds),
                 static_cast<long>(header.root_nanoseconds)};
  reader_ = std::move(reader.value());
  if (!stage_->slots()) return Done{};  // all has been done
  auto root = OpenDirectoryAt(destination_.fd.get(), ".");
  if (!root.ok()) return std::move(root.failure());
  auto dir = LayerDir::Root(std::move(root.value()), 0, destination_.path);
  if (!dir.ok()) return std::move(dir.failure());
  commit_ = std::make_unique<ApplyCommit>(*reader_, stage_->slots(), std::move(dir.value()));
  return Done{};
}

Status Apply::StepCommit(ApplySink& sink) {
  if (!made_) {
    auto more = commit_->Redo(sink);
    if (!more.ok()) return std::move(more.failure());
    made_ = !more.value();
    return Done{};
  }
  auto synced = Synced();
  if (!synced.ok()) return synced;
  auto entered = stage_->Enter(ApplyStage::State::kDone, options_.sync);
  if (!entered.ok()) return entered;
  return EndCommit();
}

Status Apply::EndCommit() {
  if (commit_) done_ = commit_->done();
  commit_.reset();
  // The destination's own record is the last one.
  reader_->ToEnd();
  auto last = reader_->Previous();
  if (!last.ok()) return std::move(last.failure());
  if (last.value()) {
    const auto* leave = std::get_if<LeaveRecord>(&*last.value());
    if (leave != nullptr && leave->path.empty()) {
      root_mtime_ = {static_cast<time_t>(leave->seconds), static_cast<long>(leave->nanoseconds)};
    }
  }
  reader_.reset();
  phase_ = Phase::kDiscard;
  return Done{};
}

Status Apply::StepUndo(ApplySink& sink) {
  auto more = commit_->Undo(sink);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  if (commit_->lost() > 0) {
    Failure failure = Refusal(ESTALE, "renameat2", "undo-incomplete", destination_.path);
    failure.detail = stage_->PathOf("slots");
    return failure;
  }
  commit_.reset();
  reader_.reset();
  rolled_back_ = true;
  auto synced = Synced();
  if (!synced.ok()) return synced;
  phase_ = Phase::kDiscard;
  return Done{};
}

Status Apply::StepDiscard() {
  if (stage_->state() == ApplyStage::State::kReady) {
    auto entered = stage_->Enter(ApplyStage::State::kUndone, options_.sync);
    if (!entered.ok()) return failure_ ? Status(std::move(*failure_)) : entered;
  }
  auto more = stage_->RemoveSome();
  if (!more.ok()) return failure_ ? Status(std::move(*failure_)) : std::move(more.failure());
  return more.value() ? Status(Done{}) : Discarded();
}

Status Apply::Discarded() {
  const bool inside = stage_->inside();
  stage_.reset();
  if (inside && root_mtime_) {
    auto set = SetModificationTime(destination_.fd.get(), *root_mtime_);
    if (!set.ok()) return set;
  }
  if (failure_) return std::move(*failure_);
  phase_ = prepare_after_ ? Phase::kPrepare : Phase::kEnd;
  return Done{};
}

// Of a dry run: the others find out by making what they are going to put in place.
Status Apply::CheckSpace() const {
  struct statvfs fs;
  if (::fstatvfs(destination_.fd.get(), &fs) != 0) return Errno("fstatvfs", destination_.path);
  const uint64_t free = static_cast<uint64_t>(fs.f_bavail) * fs.f_frsize;
  if (plan_.bytes > free) {
    Failure failure = Refusal(ENOSPC, "fstatvfs", "no-space", destination_.path);
    failure.detail =
        std::to_string(plan_.bytes) + " bytes are needed and " + std::to_string(free) + " are free";
    return failure;
  }
  // btrfs has no number of them.
  if (fs.f_files > 0 && plan_.inodes > fs.f_favail) {
    Failure failure = Refusal(ENOSPC, "fstatvfs", "no-space", destination_.path);
    failure.detail = std::to_string(plan_.inodes) + " inodes are needed and " +
                     std::to_string(fs.f_favail) + " are free";
    return failure;
  }
  return Done{};
}

}  // namespace ovl
