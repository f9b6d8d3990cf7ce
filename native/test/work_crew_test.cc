// Helper threads that work in rounds.
#include "core/work_crew.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "test/check.h"
#include "test/child.h"

namespace {

// Who has taken part in a round, one bit each.
unsigned Round(ovl::WorkCrew& crew) {
  std::atomic<unsigned> who = 0;
  crew.Start([&who](size_t number) { who |= 1U << number; });
  crew.Join();
  return who;
}

}  // namespace

TEST(ConcurrentCrewWorksInRounds) {
  ovl::WorkCrew crew(3);
  for (int i = 0; i < 100; ++i) {
    CHECK_EQ(Round(crew), 7U);
    if (i % 10 == 0) crew.Dismiss();
  }
}

TEST(CrewGoesOnWithThoseThatAreLeft) {
  const Child child([](const Child& self) {
    if (!BecomeOrdinaryUser()) return;
    ovl::WorkCrew crew(2);
    // The first has waited for too long before the second is done.
    crew.Start([](size_t number) {
      if (number == 1) (void)::usleep(500'000);
    });
    crew.Join();
    const struct rlimit none { 1, 1 };
    if (::setrlimit(RLIMIT_NPROC, &none) != 0) return;
    self.Say(std::to_string(Round(crew)));
  });
  const std::string heard = child.Hear();
  if (heard.empty()) return check::Skip("no other user can be had [root only]");
  CHECK_EQ(heard, "2");
}
