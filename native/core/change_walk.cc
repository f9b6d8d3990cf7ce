#include "core/change_walk.h"

#include <algorithm>
#include <utility>

namespace ovl {

namespace {

// Where the walk of a small upper is over helpers would cost more than they do.
constexpr size_t kAlone = 256;
// Asking for the time costs as much as half an entry of an upper.
constexpr size_t kStepsBetweenLooks = 16;
// Directories found that others can go on with: no more than that at once, since each is a unit.
constexpr size_t kEnoughBelow = 32;

// Comparisons above the front that wait for their turn.
constexpr size_t kMostSuspended = 4;

using Progress = ChangeUnit::Progress;
using State = ChangeUnit::State;

// Directory descriptors of one unit that is being worked on.
size_t DescriptorsEach(const Layers& layers) { return 1 + 2 * layers.lowers.size(); }
constexpr size_t kDescriptors = 256;

size_t MostHelpers(const Layers& layers, const ChangeOptions& options) {
  const size_t threads = options.threads != 0 ? options.threads : UsableProcessors();
  return std::min(threads, std::max<size_t>(1, kDescriptors / DescriptorsEach(layers))) - 1;
}

}  // namespace

ChangeWalk::ChangeWalk(Layers layers, ChangeOptions options)
    : job_(std::move(layers), std::move(options)),
      most_helpers_(MostHelpers(job_.layers, job_.whole.options)),
      schedule_(most_helpers_),
      front_worker_(job_),
      crew_(most_helpers_) {}

ChangeWalk::~ChangeWalk() = default;

Result<std::unique_ptr<ChangeWalk>> ChangeWalk::Open(const Layers& layers, ChangeOptions options) {
  auto own = layers.ReopenApart();
  if (!own.ok()) return std::move(own.failure());
  auto index = own.value().Reopen();
  if (!index.ok()) return std::move(index.failure());
  std::unique_ptr<ChangeWalk> walk(new ChangeWalk(std::move(own.value()), std::move(options)));
  walk->index_reader_ = std::make_unique<LinkIndexReader>(std::move(index.value()));
  return walk;
}

Result<bool> ChangeWalk::Next(const WorkSlice& slice, ChangeSink& sink) {
  auto more = Advance(slice, sink);
  SendHelpersAway();
  if (!more.ok() || !more.value() || slice.Cancelled()) crew_.Dismiss();
  return more;
}

Result<bool> ChangeWalk::Advance(const WorkSlice& slice, ChangeSink& sink) {
  for (size_t looks = 0;; ++looks) {
    if (sink.Full() || (looks % kStepsBetweenLooks == 0 && slice.Over())) return true;
    Status status = Done{};
    if (index_reader_) {
      status = StepIndex(slice);
      looks = SIZE_MAX;  // the slice may be over
    } else if (link_survey_) {
      status = StepLinkSurvey(slice);
      looks = SIZE_MAX;
    } else if (rename_survey_) {
      status = StepRenameSurvey(slice);
      looks = SIZE_MAX;
    } else if (unfinished_) {
      status = StepUnfinished(sink);
    } else if (levels_.empty()) {
      return false;
    } else {
      ChangeUnit& front = *levels_.back().unit;
      if (!HoldFront()) {
        CallHelpers(slice);
        WorkBehind(slice);
        looks = SIZE_MAX;
        continue;
      }
      NextRecord next;
      const bool above = StaysAbove(front);
      if (!above && TakeRecord(front, next)) {
        status = HandOut(next, sink);
      } else if (front.progress != Progress::kDone) {
        CallHelpers(slice);
        StepFront(!above);
        if (front.comparing) looks = SIZE_MAX;
      } else if (front.failure) {
        return Failure(*front.failure);
      } else {
        Leave();
      }
    }
    if (!status.ok()) return std::move(status.failure());
  }
}

Status ChangeWalk::StepIndex(const WorkSlice& slice) {
  auto more = index_reader_->Next(slice);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  LinkIndex& index = job_.whole.index;
  index = index_reader_->Take();
  index_reader_.reset();
  job_.layers.indexed = front_worker_.layers().indexed = index.used();
  job_.scope = WalkScope{
      .expand = job_.whole.options.expand, .filter = job_.whole.options.filter, .index = &index};
  const auto met = job_.layers.marks.met();
  if (met == MarkerSpace::kUser) job_.decided = met;
  trusted_met_ = met == MarkerSpace::kTrusted;
  auto root = std::make_unique<ChangeUnit>();
  root->end = 1;
  schedule_.Begin(*root);
  levels_.push_back({std::move(root), 0, 0, false, 0});
  return Done{};
}

Status ChangeWalk::StepLinkSurvey(const WorkSlice& slice) {
  auto more = link_survey_->Next(slice);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  links_ = std::make_unique<LinkGroups>(link_survey_->Take());
  link_survey_.reset();
  job_.whole.links.store(links_.get(), std::memory_order_release);
  return Done{};
}

Status ChangeWalk::StepRenameSurvey(const WorkSlice& slice) {
  auto more = rename_survey_->Next(slice);
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  renames_ = std::make_unique<Renames>(rename_survey_->Take());
  rename_survey_.reset();
  job_.whole.renames.store(renames_.get(), std::memory_order_release);
  return Done{};
}

Status ChangeWalk::StepUnfinished(ChangeSink& sink) {
  const MarkReader& marks = front_worker_.layers().marks;
  if (Undecided()) {
    const bool trusted = trusted_met_ || levels_.back().unit->trusted_at <= unfinished_index_;
    marks.Meet(trusted ? std::optional(MarkerSpace::kTrusted) : std::nullopt);
  }
  bool is_change = false;
  unfinished_->entry.EachDirectory([](const DirPtr& dir) { dir->Pin(); });
  auto lacks = front_worker_.Finish(*unfinished_, is_change);
  unfinished_->entry.EachDirectory([](const DirPtr& dir) { dir->Unpin(); });
  if (!lacks.ok()) return std::move(lacks.failure());
  if (Undecided() && marks.met() == MarkerSpace::kUser) Decide(unfinished_index_ + 1, false);
  switch (lacks.value()) {
    case UnitWorker::Lacks::kContent:
      return Done{};
    case UnitWorker::Lacks::kLinks: {
      auto own = job_.layers.ReopenApart();
      if (!own.ok()) return std::move(own.failure());
      if (job_.decided) own.value().marks.Meet(job_.decided);
      link_survey_ = std::make_unique<LinkSurvey>(std::move(own.value()), job_.whole.index);
      return Done{};
    }
    case UnitWorker::Lacks::kRenames:
      rename_survey_ =
          std::make_unique<RenameSurvey>(front_worker_.layers(), job_.whole.options.expand);
      return Done{};
    case UnitWorker::Lacks::kNothing:
      break;
  }
  const auto done = std::exchange(unfinished_, nullptr);
  if (is_change) Give(done->draft.change, done->entry.name, done->draft.renamed_from, sink);
  return Done{};
}

Status ChangeWalk::HandOut(const NextRecord& next, ChangeSink& sink) {
  const Record& record = next.record;
  switch (record.what) {
    case Record::What::kChild:
      Enter(next);
      return Done{};
    case Record::What::kUnfinished:
      unfinished_ = std::move(levels_.back().unit->unfinished[record.number]);
      unfinished_index_ = record.index;
      return Done{};
    case Record::What::kChange:
      break;
  }
  Change change;
  change.kind = record.kind;
  change.type = record.type;
  change.previous_type = record.previous_type;
  change.aspects = record.aspects;
  change.content_unknown = record.content_unknown;
  change.unknown = record.unknown;
  Give(change, next.name, next.renamed_from, sink);
  return Done{};
}

void ChangeWalk::Give(const Change& change, std::string_view name, std::string_view renamed,
                      ChangeSink& sink) {
  path_.resize(levels_.back().path_size);
  if (!path_.empty()) path_.push_back('/');
  path_.append(name);
  Change given = change;
  given.path = path_;
  given.name_size = name.size();
  if (renamed != path_) given.renamed_from = renamed;
  sink.Add(given);
}

bool ChangeWalk::HoldFront() {
  if (held_) return true;
  if (!schedule_.Hold(*levels_.back().unit)) return false;
  TakeFront();
  return true;
}

void ChangeWalk::TakeFront() {
  ChangeUnit& front = *levels_.back().unit;
  held_ = true;
  if (front.progress == Progress::kDone) return;
  pinned_ = front.frame;
  if (pinned_) pinned_->EachDirectory([](const DirPtr& dir) { dir->Pin(); });
}

void ChangeWalk::LetGoOfFront() {
  if (pinned_) pinned_->EachDirectory([](const DirPtr& dir) { dir->Unpin(); });
  pinned_.reset();
  held_ = false;
}

void ChangeWalk::Enter(const NextRecord& next) {
  path_.resize(levels_.back().path_size);
  if (!path_.empty()) path_.push_back('/');
  path_.append(next.name);
  ChangeUnit& front = *levels_.back().unit;
  trusted_met_ = trusted_met_ || front.trusted_at <= next.record.index;
  ChangeUnit::Ptr child = schedule_.TakeChild(front, next.record.number);
  const bool left = levels_.back().left_above || front.progress != Progress::kDone ||
                    front.rest != nullptr || front.taken_children < front.children.size();
  const size_t suspended = levels_.back().suspended + (front.comparing ? 1 : 0);
  LetGoOfFront();
  schedule_.Release(front, Undecided());
  levels_.push_back({std::move(child), path_.size(), next.record.index, left, suspended});
}

// The unit at the front has been handed out; where its directory is a long one, another follows.
void ChangeWalk::Leave() {
  Level& level = levels_.back();
  ChangeUnit::Ptr unit = std::move(level.unit);
  trusted_met_ = trusted_met_ || unit->trusted_at != SIZE_MAX;
  LetGoOfFront();
  level.unit = std::move(unit->rest);
  schedule_.Forget(std::move(unit), level.left_above);
  if (!level.unit) levels_.pop_back();
}

// What else is in a directory is looked at before what is below it: to come back to one whose
// descriptor was closed meanwhile takes as many calls as it is deep. A long comparison waits until
// what is below was handed out, but only so many may: their descriptors and memory wait with them.
bool ChangeWalk::StaysAbove(const ChangeUnit& front) {
  const bool waits = front.comparing && levels_.back().suspended < kMostSuspended;
  return front.progress == Progress::kMore && !waits && IsChildNext(front) &&
         front.children.size() - front.taken_children < kEnoughBelow && schedule_.HasRoom();
}

// Out of order it is done as a helper does it.
void ChangeWalk::StepFront(bool in_order) {
  ++steps_;
  ChangeUnit& front = *levels_.back().unit;
  bool decides = false;
  if (in_order) {
    decides = front_worker_.StepInOrder(front, trusted_met_ || front.trusted_at != SIZE_MAX);
  } else {
    front_worker_.Step(front);
  }
  if (front.rest && !front.rest_shown) schedule_.ShowRest(front);
  if (front.comparing) steps_ += kAlone;  // a large file
  if (decides) Decide(front.next, true);
}

// The marks are in user.*, and what was found out ahead of the front does not know it.
void ChangeWalk::Decide(size_t next, bool keep_output) {
  SendHelpersAway();
  job_.decided = MarkerSpace::kUser;
  schedule_.Clear();
  for (size_t i = 0; i < levels_.size(); ++i) {
    const bool front = i + 1 == levels_.size();
    ChangeUnit& unit = *levels_[i].unit;
    unit.GoBackTo(front ? next : levels_[i + 1].index + 1, front && keep_output);
    if (unit.state != State::kDone) schedule_.Begin(unit);
    if (front && unit.state == State::kWaiting) unit.state = State::kRunning;
  }
  // It may have been done, and then none of its directories was kept open.
  LetGoOfFront();
  TakeFront();
}

void ChangeWalk::CallHelpers(const WorkSlice& slice) {
  if (called_ || most_helpers_ == 0 || steps_ < kAlone || steps_ % kStepsBetweenLooks != 0) return;
  if (!schedule_.HasWaiting()) return;
  called_ = true;
  stopping_.store(false, std::memory_order_relaxed);
  schedule_.Resume();
  while (helpers_.size() < most_helpers_) {
    helpers_.push_back(std::make_unique<UnitWorker>(job_));
  }
  crew_.Start([this, &slice](size_t number) {
    while (ChangeUnit* const unit = schedule_.AwaitClaim(number))
      Work(*helpers_[number], *unit, slice);
  });
}

void ChangeWalk::SendHelpersAway() {
  if (!std::exchange(called_, false)) return;
  stopping_.store(true, std::memory_order_relaxed);
  schedule_.Stop();
  crew_.Join();
}

// A helper is at work on the front.
void ChangeWalk::WorkBehind(const WorkSlice& slice) {
  if (ChangeUnit* const unit = schedule_.Claim()) {
    Work(front_worker_, *unit, slice);
  } else {
    schedule_.AwaitHold(*levels_.back().unit);
    TakeFront();
  }
}

void ChangeWalk::Work(UnitWorker& worker, ChangeUnit& unit, const WorkSlice& slice) {
  const std::shared_ptr<MergedFrame> frame = unit.frame;
  if (frame) frame->EachDirectory([](const DirPtr& dir) { dir->Pin(); });
  for (size_t looks = 1; unit.progress == Progress::kMore; ++looks) {
    worker.Step(unit);
    if (unit.rest && !unit.rest_shown) schedule_.ShowRest(unit);
    if (unit.children.size() - unit.shown_children >= kEnoughBelow) break;
    if (stopping_.load(std::memory_order_relaxed)) break;
    if ((unit.comparing || looks % kStepsBetweenLooks == 0) && slice.Over()) break;
  }
  if (frame) frame->EachDirectory([](const DirPtr& dir) { dir->Unpin(); });
  schedule_.Release(unit, Undecided());
}

}  // namespace ovl
