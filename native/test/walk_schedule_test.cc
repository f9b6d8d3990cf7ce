// Which thread gets a unit.
#include "core/walk_schedule.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "test/check.h"

using State = ovl::ChangeUnit::State;

// A helper that compares a large file gives its unit back at the end of every slice of time; the
// thread that was to report, and to notice that it was cancelled, never got it.
TEST(ConcurrentAwaitedUnitGoesToWhoAwaitsIt) {
  int rounds = 0;
  for (int i = 0; i < 50; ++i) {
    ovl::WalkSchedule schedule(0);
    ovl::ChangeUnit unit;
    schedule.Begin(unit);
    CHECK(schedule.Claim() == &unit);
    std::atomic<bool> held = false;
    std::thread front([&] {
      schedule.AwaitHold(unit);
      held = true;
    });
    (void)::usleep(2000);  // it waits by then, but on a busy machine
    CHECK(!held);
    schedule.Release(unit, false);
    ovl::ChangeUnit* const again = schedule.Claim();
    if (again != nullptr) schedule.Release(unit, false);
    front.join();
    CHECK(unit.state == State::kRunning);
    if (again == nullptr) ++rounds;
  }
  CHECK(rounds > 0);
}

TEST(ScheduleGivesAUnitThatNobodyAwaitsBackToItsWorker) {
  ovl::WalkSchedule schedule(0);
  ovl::ChangeUnit unit;
  schedule.Begin(unit);
  CHECK(schedule.Claim() == &unit);
  CHECK(schedule.Claim() == nullptr);
  schedule.Release(unit, false);
  CHECK(schedule.HasWaiting());
  CHECK(schedule.Claim() == &unit);
}

TEST(ScheduleGivesWhatAHelperWorkedOnBackToIt) {
  ovl::WalkSchedule schedule(2);
  auto make = [] { return std::make_unique<ovl::ChangeUnit>(); };
  ovl::ChangeUnit::Ptr others = make();
  ovl::ChangeUnit::Ptr helped = make();
  auto large = std::make_unique<ovl::UnfinishedEntry>();
  std::weak_ptr<const ovl::WalkPlace> place;
  {
    auto mine = ovl::WalkPlace::Root();
    place = mine;
    large->entry.place = std::move(mine);
  }
  helped->unfinished.push_back(std::move(large));
  const ovl::WalkScope scope;
  helped->frame =
      std::make_shared<ovl::MergedFrame>(ovl::MergedDirectory(nullptr, {}, {}),
                                         ovl::WalkPlace::Root(), ovl::PathFilter::Scope(), scope);
  const std::weak_ptr<ovl::MergedFrame> frame = helped->frame;
  schedule.Begin(*others);
  schedule.Begin(*helped);
  CHECK(schedule.AwaitClaim(1) == helped.get());
  schedule.Release(*helped, false);
  CHECK(schedule.Hold(*helped));
  schedule.Forget(std::move(helped), false);
  // Its directories do not stay open until then.
  CHECK(frame.expired());
  CHECK(!place.expired());
  CHECK(schedule.AwaitClaim(1) == others.get());
  CHECK(place.expired());
  // One that nobody has helped with is gone at once.
  ovl::ChangeUnit::Ptr alone = make();
  alone->unfinished.push_back(std::make_unique<ovl::UnfinishedEntry>());
  auto root = ovl::WalkPlace::Root();
  place = root;
  alone->unfinished.back()->entry.place = std::move(root);
  schedule.Begin(*alone);
  CHECK(schedule.Claim() == alone.get());
  schedule.Forget(std::move(alone), false);
  CHECK(place.expired());
}
