// Which thread gets a unit.
#include "core/walk_schedule.h"

#include <unistd.h>

#include <atomic>
#include <thread>

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
