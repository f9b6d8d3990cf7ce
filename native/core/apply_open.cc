// How an apply begins, anew or from what an interrupted one has left.
#include <sys/stat.h>

#include <utility>

#include "core/apply.h"
#include "core/apply_checks.h"

namespace ovl {

namespace {

// FNV-1a, over the numbers of the layers: what was asked for is the same only of the same ones.
uint64_t Mixed(uint64_t sum, uint64_t number) {
  for (int i = 0; i < 8; ++i) sum = (sum ^ ((number >> (8 * i)) & 0xff)) * 0x100000001b3U;
  return sum;
}

uint64_t FingerprintOf(uint64_t wanted, const Layers& layers) {
  uint64_t sum = Mixed(0xcbf29ce484222325U, wanted);
  sum = Mixed(sum, layers.now()->ino());
  for (const DirPtr& lower : layers.lowers) sum = Mixed(sum, lower->ino());
  return sum;
}

Result<ApplyStage> FindInterrupted(const Destination& destination) {
  auto stage = ApplyStage::Find(destination);
  if (!stage.ok()) return std::move(stage.failure());
  if (!stage.value()) return Refusal(ENOENT, "openat2", "nothing-pending", destination.path);
  return std::move(*stage.value());
}

}  // namespace

Result<std::unique_ptr<Apply>> Apply::Open(const Layers& layers, std::optional<std::string> to,
                                           bool mounted, ApplyOptions options) {
  auto readable = CheckReadable(layers.marks.space(), layers.now()->PathOf(""));
  if (!readable.ok()) return std::move(readable.failure());
  const bool single = layers.ordinary() == 1;
  if (!to && !single) return Refusal(EINVAL, "openat", "several-lowers");
  const DirPtr& lower = layers.lowers.front();
  auto destination = Destination::Open(to ? *to : lower->PathOf(""));
  if (!destination.ok()) return std::move(destination.failure());
  const struct stat& st = destination.value().st;
  const bool same = st.st_dev == lower->dev() && st.st_ino == lower->ino();
  if (same && !single) return Refusal(EINVAL, "openat", "several-lowers", destination.value().path);
  auto apart = CheckApart(destination.value(), layers);
  if (!apart.ok()) return std::move(apart.failure());
  auto occupied = CheckDestination(destination.value());
  if (!occupied.ok()) return std::move(occupied.failure());
  if (!mounted && !layers.plain) {
    auto free = CheckUpperFree(layers.upper);
    if (!free.ok()) return std::move(free.failure());
  }
  std::unique_ptr<Apply> apply(new Apply(std::move(destination.value())));
  apply->same_lower_ = same;
  apply->occupied_ = std::move(occupied.value());
  apply->source_ = layers.now()->PathOf("");
  apply->options_ = std::move(options);
  apply->options_.fingerprint = FingerprintOf(apply->options_.fingerprint, layers);
  auto own = layers.Reopen();
  if (!own.ok()) return std::move(own.failure());
  apply->layers_ = std::move(own.value());
  apply->prepare_after_ = true;
  auto stage = ApplyStage::Find(apply->destination_);
  if (!stage.ok()) return std::move(stage.failure());
  if (!stage.value()) return apply;
  auto taken = apply->TakeOver(std::move(*stage.value()));
  if (!taken.ok()) return std::move(taken.failure());
  return apply;
}

// The same that was asked for before is finished, and that is all: the lower has changed, and with
// it what its upper means. What is only left over is removed.
Status Apply::TakeOver(ApplyStage stage) {
  stage_ = std::move(stage);
  if (stage_->state() == ApplyStage::State::kReady) {
    auto opened = OpenJournal();
    if (!opened.ok()) return opened;
    const JournalHeader& header = reader_->header();
    if (options_.dry_run || header.fingerprint != options_.fingerprint) {
      Failure failure = Refusal(EBUSY, "openat2", "apply-pending", destination_.path);
      failure.detail = header.source;
      return failure;
    }
    prepare_after_ = false;
    phase_ = Phase::kCommit;
    return Done{};
  }
  if (options_.dry_run) {
    stage_.reset();
    return Done{};
  }
  if (const auto header = JournalReader::Peek(stage_->fd(), stage_->JournalName())) {
    root_mtime_ = {static_cast<time_t>(header->root_seconds),
                   static_cast<long>(header->root_nanoseconds)};
  }
  if (stage_->state() == ApplyStage::State::kDone && !stage_->marked() && prepare_after_) {
    // Killed between its last two calls. Which one it was nobody can say any more, and to do the
    // same again would be wrong.
    failure_ = Refusal(EBUSY, "openat2", "apply-ended", destination_.path);
    prepare_after_ = false;
  }
  if (stage_->state() == ApplyStage::State::kDone && stage_->marked()) {
    auto opened = OpenJournal();
    if (!opened.ok()) return opened;
    if (reader_->header().fingerprint == options_.fingerprint) {
      prepare_after_ = false;
      done_ = reader_->changes();
    }
    auto ended = EndCommit();
    if (!ended.ok()) return ended;
  }
  phase_ = Phase::kDiscard;
  return Done{};
}

Result<std::unique_ptr<Apply>> Apply::Resume(const std::string& path, bool sync) {
  auto destination = Destination::Open(path);
  if (!destination.ok()) return std::move(destination.failure());
  auto stage = FindInterrupted(destination.value());
  if (!stage.ok()) return std::move(stage.failure());
  const ApplyStage::State state = stage.value().state();
  if (state == ApplyStage::State::kPreparing || state == ApplyStage::State::kUndone) {
    return Refusal(ENOENT, "openat2", "nothing-begun", path);
  }
  auto occupied = CheckDestination(destination.value());
  if (!occupied.ok()) return std::move(occupied.failure());
  std::unique_ptr<Apply> apply(new Apply(std::move(destination.value())));
  apply->options_.sync = sync;
  apply->stage_ = std::move(stage.value());
  if (apply->stage_->marked()) {
    auto opened = apply->OpenJournal();
    if (!opened.ok()) return std::move(opened.failure());
    apply->options_.fingerprint = apply->reader_->header().fingerprint;
    apply->reader_.reset();
    apply->commit_.reset();
  }
  ApplyStage own = std::move(*apply->stage_);
  auto taken = apply->TakeOver(std::move(own));
  if (!taken.ok()) return std::move(taken.failure());
  return apply;
}

Result<std::unique_ptr<Apply>> Apply::Abort(const std::string& path, bool sync) {
  auto destination = Destination::Open(path);
  if (!destination.ok()) return std::move(destination.failure());
  auto stage = FindInterrupted(destination.value());
  if (!stage.ok()) return std::move(stage.failure());
  if (stage.value().state() == ApplyStage::State::kDone) {
    return Refusal(EINVAL, "openat2", "apply-done", path);
  }
  auto occupied = CheckDestination(destination.value());
  if (!occupied.ok()) return std::move(occupied.failure());
  std::unique_ptr<Apply> apply(new Apply(std::move(destination.value())));
  apply->options_.sync = sync;
  if (stage.value().state() == ApplyStage::State::kReady) {
    apply->stage_ = std::move(stage.value());
    auto opened = apply->OpenJournal();
    if (!opened.ok()) return std::move(opened.failure());
    apply->phase_ = Phase::kUndo;
    return apply;
  }
  apply->rolled_back_ = true;
  auto taken = apply->TakeOver(std::move(stage.value()));
  if (!taken.ok()) return std::move(taken.failure());
  return apply;
}

Result<std::optional<Apply::Pending>> Apply::FindPending(const std::string& path) {
  // What has failed may be why it is read-only now.
  auto destination = Destination::Open(path, Destination::Use::kLook);
  if (!destination.ok()) return std::move(destination.failure());
  auto stage = ApplyStage::Find(destination.value());
  if (!stage.ok()) return std::move(stage.failure());
  if (!stage.value()) return std::optional<Pending>();
  Pending pending;
  pending.state = stage.value()->state();
  pending.stage = stage.value()->path();
  const auto header = JournalReader::Peek(stage.value()->fd(), stage.value()->JournalName());
  if (header) {
    pending.seconds = header->seconds;
    pending.nanoseconds = header->nanoseconds;
    pending.source = header->source;
  }
  if (pending.state == ApplyStage::State::kReady) {
    auto reader = JournalReader::Open(stage.value()->fd(), stage.value()->JournalName(),
                                      stage.value()->PathOf(stage.value()->JournalName()));
    if (!reader.ok()) return std::move(reader.failure());
    pending.changes = reader.value().changes();
  }
  return std::optional<Pending>(std::move(pending));
}

}  // namespace ovl
