#include "core/work_slice.h"

#include <time.h>

#include "test/check.h"

using ovl::CancelFlag;
using ovl::WorkSlice;

TEST(WorkSliceEndsByTime) {
  const CancelFlag cancelled{false};
  const WorkSlice none(cancelled, std::chrono::milliseconds(0));
  CHECK(none.Over());
  CHECK(!none.Cancelled());
  const WorkSlice hour(cancelled, std::chrono::hours(1));
  CHECK(!hour.Over());
  const WorkSlice brief(cancelled, std::chrono::milliseconds(5));
  const timespec pause{0, 6'000'000};
  (void)::nanosleep(&pause, nullptr);
  CHECK(brief.Over());
  CHECK(!hour.Over());
}

TEST(WorkSliceEndsWhenCancelled) {
  CancelFlag cancelled{false};
  const WorkSlice slice(cancelled, std::chrono::hours(1));
  CHECK(!slice.Cancelled());
  cancelled.store(true);
  CHECK(slice.Cancelled());
  CHECK(slice.Over());
}
