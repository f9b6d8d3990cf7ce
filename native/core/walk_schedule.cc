#include "core/walk_schedule.h"

#include <pthread.h>

#include <utility>

namespace ovl {

namespace {

// What may have been found out ahead of what was handed out. Enough to keep several threads busy
// for a while, and little beside what a process takes anyway.
constexpr size_t kMostAhead = 2 * 1024 * 1024;

using State = ChangeUnit::State;

// It is held for less than it takes to sleep and be woken: whoever finds it locked looks again a
// few times first, which a plain mutex does not.
void MakeAdaptive(std::mutex& mutex) {
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP  // the C library has them (glibc)
  pthread_mutexattr_t attributes;
  if (::pthread_mutexattr_init(&attributes) != 0) return;
  if (::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP) == 0) {
    // Nobody has it yet, and libstdc++ gives a new one nothing that would be lost. It cannot fail.
    (void)::pthread_mutex_init(mutex.native_handle(), &attributes);
  }
  (void)::pthread_mutexattr_destroy(&attributes);
#else
  (void)mutex;
#endif
}

}  // namespace

WalkSchedule::WalkSchedule(size_t helpers) : gone_(helpers) { MakeAdaptive(mutex_); }

void WalkSchedule::Begin(ChangeUnit& unit) {
  unit.after = first_;
  unit.before = nullptr;
  unit.listed = true;
  if (first_ != nullptr) first_->before = &unit;
  first_ = &unit;
}

void WalkSchedule::InsertBefore(ChangeUnit& unit, ChangeUnit& place) {
  unit.before = place.before;
  unit.after = &place;
  (unit.before == nullptr ? first_ : unit.before->after) = &unit;
  place.before = &unit;
  unit.listed = true;
}

void WalkSchedule::Remove(ChangeUnit& unit) {
  if (!std::exchange(unit.listed, false)) return;
  (unit.before == nullptr ? first_ : unit.before->after) = unit.after;
  if (unit.after != nullptr) unit.after->before = unit.before;
  unit.before = unit.after = nullptr;
}

// Those that are passed over are being worked on, or held, or awaited: few.
ChangeUnit* WalkSchedule::FirstWaiting() const {
  ChangeUnit* unit = first_;
  while (unit != nullptr && (unit->state != State::kWaiting || unit == awaited_)) {
    unit = unit->after;
  }
  return unit;
}

ChangeUnit* WalkSchedule::Claim() {
  const std::lock_guard lock(mutex_);
  ChangeUnit* const unit = ahead_ < kMostAhead ? FirstWaiting() : nullptr;
  if (unit != nullptr) unit->state = State::kRunning;
  return unit;
}

ChangeUnit* WalkSchedule::AwaitClaim(size_t helper) {
  std::unique_lock lock(mutex_);
  FreeGone(helper, lock);
  for (;;) {
    if (stopped_) return nullptr;
    if (ahead_ < kMostAhead) {
      if (ChangeUnit* const unit = FirstWaiting()) {
        unit->state = State::kRunning;
        unit->helper = helper;
        return unit;
      }
    }
    ++idle_;
    changed_.wait(lock);
    --idle_;
  }
}

// While others go on. The list keeps its memory, which the front would allocate anew.
void WalkSchedule::FreeGone(size_t helper, std::unique_lock<std::mutex>& lock) {
  std::vector<ChangeUnit::Ptr>& mine = gone_[helper];
  if (mine.empty()) return;
  std::vector<ChangeUnit::Ptr> gone;
  gone.swap(mine);
  lock.unlock();
  gone.clear();
  lock.lock();
  if (mine.empty()) mine.swap(gone);
}

bool WalkSchedule::TryHold(ChangeUnit& unit) {
  if (unit.state == State::kRunning) return false;
  if (unit.state != State::kDone) unit.state = State::kRunning;
  return true;
}

bool WalkSchedule::Hold(ChangeUnit& unit) {
  const std::lock_guard lock(mutex_);
  return TryHold(unit);
}

// A thread that gives a unit back and asks for the next one is far quicker than one that has to be
// woken: without a claim on it, the latter would wait until the unit is done, however long.
void WalkSchedule::AwaitHold(ChangeUnit& unit) {
  std::unique_lock lock(mutex_);
  awaited_ = &unit;
  changed_.wait(lock, [&] { return TryHold(unit); });
  awaited_ = nullptr;
}

void WalkSchedule::ShowRest(ChangeUnit& unit) {
  const std::lock_guard lock(mutex_);
  ChangeUnit& rest = *unit.rest;
  rest.before = &unit;
  rest.after = unit.after;
  if (rest.after != nullptr) rest.after->before = &rest;
  unit.after = &rest;
  rest.listed = unit.rest_shown = true;
  changed_.notify_all();
}

void WalkSchedule::ShowChildren(ChangeUnit& unit) {
  for (; unit.shown_children < unit.children.size(); ++unit.shown_children) {
    ChangeUnit& child = *unit.children[unit.shown_children];
    InsertBefore(child, unit);
    UsedAll(child);  // its directories are open already
  }
}

ChangeUnit::Ptr WalkSchedule::TakeChild(ChangeUnit& unit, size_t number) {
  const std::lock_guard lock(mutex_);
  ShowChildren(unit);
  ++unit.taken_children;
  return std::move(unit.children[number]);
}

void WalkSchedule::Release(ChangeUnit& unit, bool keep) {
  std::shared_ptr<MergedFrame> done;  // goes when others may go on
  std::vector<DirPtr> above;
  if (unit.progress == ChangeUnit::Progress::kDone && !keep) above = OpenWayBack(unit);
  const std::lock_guard lock(mutex_);
  ShowChildren(unit);
  Count(unit, unit.Weight());
  UsedAll(unit);
  for (const DirPtr& dir : above) open_.Use(dir);
  switch (unit.progress) {
    case ChangeUnit::Progress::kMore:
      unit.state = State::kWaiting;
      break;
    case ChangeUnit::Progress::kHeld:
      unit.state = State::kHeld;
      break;
    case ChangeUnit::Progress::kDone:
      unit.state = State::kDone;
      Remove(unit);
      if (!keep) done = std::move(unit.frame);
      break;
  }
  changed_.notify_all();
}

void WalkSchedule::Forget(ChangeUnit::Ptr unit, bool left_above) {
  std::vector<DirPtr> above;
  if (left_above) above = OpenWayBack(*unit);
  // Its directories are closed now, whenever the rest is freed.
  const std::shared_ptr<MergedFrame> done = std::move(unit->frame);
  const std::lock_guard lock(mutex_);
  for (const DirPtr& dir : above) open_.Use(dir);
  const bool held_up = ahead_ >= kMostAhead;
  Remove(*unit);
  Count(*unit, 0);
  if (unit->helper < gone_.size()) gone_[unit->helper].push_back(std::move(unit));
  if (held_up && ahead_ < kMostAhead && idle_ > 0) changed_.notify_all();
}

void WalkSchedule::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void WalkSchedule::Clear() {
  const std::lock_guard lock(mutex_);
  first_ = nullptr;
  ahead_ = 0;
}

bool WalkSchedule::HasWaiting() {
  const std::lock_guard lock(mutex_);
  return FirstWaiting() != nullptr;
}

bool WalkSchedule::HasRoom() {
  const std::lock_guard lock(mutex_);
  return ahead_ < kMostAhead;
}

void WalkSchedule::Count(ChangeUnit& unit, size_t weight) {
  ahead_ += weight - unit.counted;
  unit.counted = weight;
}

void WalkSchedule::UsedAll(const ChangeUnit& unit) {
  if (unit.frame) unit.frame->EachDirectory([this](const DirPtr& dir) { open_.Use(dir); });
}

// What is left to do above a deep tree follows the end of what is below.
std::vector<DirPtr> WalkSchedule::OpenWayBack(const ChangeUnit& unit) {
  std::vector<DirPtr> opened;
  if (!unit.frame) return opened;
  unit.frame->EachDirectory([&](const DirPtr& dir) {
    if (DirPtr above = dir->OpenWayBack()) opened.push_back(std::move(above));
  });
  return opened;
}

}  // namespace ovl
