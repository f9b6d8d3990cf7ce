// Which mounts go together, and in which order; on tables that no real namespace is needed for.
#include "core/unmount_plan.h"

#include <string>
#include <vector>

#include "test/check.h"

using ovl::MountEntry;
using ovl::PlanUnmount;
using ovl::UnmountScope;
using Ids = std::vector<uint64_t>;

namespace {

MountEntry Mount(uint64_t id, uint64_t parent, const std::string& target,
                 const std::string& fstype = "overlay") {
  MountEntry entry;
  entry.id = id;
  entry.parent = parent;
  entry.target = target;
  entry.fstype = fstype;
  return entry;
}

Ids IdsIn(const std::vector<MountEntry>& plan) {
  Ids ids;
  for (const MountEntry& entry : plan) ids.push_back(entry.id);
  return ids;
}

Ids Plan(const std::vector<MountEntry>& table, uint64_t top, const UnmountScope& scope) {
  return IdsIn(PlanUnmount(table, top, scope));
}

constexpr UnmountScope kOne{};
constexpr UnmountScope kRecursive{.any = false, .recursive = true, .all = false};
constexpr UnmountScope kAll{.any = false, .recursive = false, .all = true};
constexpr UnmountScope kAllOfAny{.any = true, .recursive = false, .all = true};
constexpr UnmountScope kEverything{.any = true, .recursive = true, .all = true};

// A volume at /m with three overlays on it, things below two of them, and things beside.
const std::vector<MountEntry> kTable{
    Mount(1, 1, "/", "ext4"),  // its own parent, as in a namespace's root
    Mount(10, 1, "/m", "ext4"),
    Mount(20, 1, "/m2", "tmpfs"),
    Mount(11, 10, "/m"),
    Mount(12, 11, "/m/sub", "tmpfs"),
    Mount(13, 12, "/m/sub/deep"),
    Mount(14, 11, "/m"),
    Mount(15, 14, "/m"),
    Mount(16, 15, "/m/x", "proc"),
    Mount(21, 20, "/m2/beside", "nfs"),
};

}  // namespace

TEST(UnmountPlanIsOneMountUnlessMoreIsAskedFor) {
  CHECK_EQ(Plan(kTable, 15, kOne), Ids{15});
  CHECK_EQ(Plan(kTable, 99, kOne), Ids{});
  CHECK_EQ(Plan({}, 1, kEverything), Ids{});
}

TEST(UnmountPlanRecursiveIsTheTreeBelowThatMount) {
  CHECK_EQ(Plan(kTable, 15, kRecursive), (Ids{16, 15}));
  CHECK_EQ(Plan(kTable, 11, kRecursive), (Ids{16, 15, 14, 13, 12, 11}));
  CHECK_EQ(Plan(kTable, 12, kRecursive), (Ids{13, 12}));
  CHECK_EQ(Plan(kTable, 20, kRecursive), (Ids{21, 20}));
}

TEST(UnmountPlanOfAllEndsAtWhatIsNoOverlay) {
  CHECK_EQ(Plan(kTable, 15, kAll), (Ids{15, 14, 11}));
  CHECK_EQ(Plan(kTable, 15, kAllOfAny), (Ids{15, 14, 11, 10}));
  CHECK_EQ(Plan(kTable, 15, kEverything), (Ids{16, 15, 14, 13, 12, 11, 10}));
  CHECK_EQ(Plan(kTable, 1, kAllOfAny), Ids{1});  // its own parent ends it
}

TEST(UnmountPlanDoesNotNeedParentsFirst) {
  const std::vector<MountEntry> table{Mount(7, 6, "/m/a/b"), Mount(6, 5, "/m/a"),
                                      Mount(5, 1, "/m")};
  CHECK_EQ(Plan(table, 5, kRecursive), (Ids{5, 6, 7}));
}

TEST(UnmountPlanSurvivesMountsThatAreBelowEachOther) {
  // A table that was read while mounts were moved.
  const std::vector<MountEntry> table{Mount(5, 6, "/m"), Mount(6, 5, "/m"), Mount(7, 8, "/m/a")};
  CHECK_EQ(Plan(table, 7, kEverything), Ids{7});
  CHECK_EQ(Plan(table, 5, kAllOfAny).size(), 2);
}

TEST(UnmountPlanRunsFromTheLeavesAndComesBackToWhatWasHidden) {
  // 12 hides 11; 13 is on 12.
  std::vector<MountEntry> plan{Mount(11, 10, "/m/a/b"), Mount(12, 10, "/m/a"),
                               Mount(13, 12, "/m/a/x"), Mount(10, 1, "/m")};
  Ids taken;
  bool hidden = true;
  const auto done = ovl::RunPlan(plan, [&](const MountEntry& entry) -> ovl::Result<bool> {
    if (entry.id == 11 && hidden) return false;
    if (entry.id == 12) hidden = false;
    taken.push_back(entry.id);
    return true;
  });
  CHECK(done.ok() && done.value());
  CHECK_EQ(taken, (Ids{13, 11 + 1, 11, 10}));
  CHECK(plan.empty());
}

TEST(UnmountPlanStopsAtAFailureAndKeepsTheRest) {
  std::vector<MountEntry> plan{Mount(13, 10, "/m/c"), Mount(12, 10, "/m/b"), Mount(11, 10, "/m/a"),
                               Mount(10, 1, "/m")};
  const auto busy = [](const MountEntry& entry) -> ovl::Result<bool> {
    if (entry.id == 12) return ovl::Refusal(EBUSY, "umount2", "", entry.target);
    return true;
  };
  const auto done = ovl::RunPlan(plan, busy);
  CHECK(!done.ok() && done.failure().path == "/m/b");
  CHECK_EQ(IdsIn(plan), (Ids{12, 11, 10}));
}

TEST(UnmountPlanEndsWhenAllThatCouldGoIsHidden) {
  std::vector<MountEntry> plan{Mount(11, 10, "/m/a"), Mount(10, 1, "/m")};
  const auto done =
      ovl::RunPlan(plan, [](const MountEntry&) -> ovl::Result<bool> { return false; });
  CHECK(done.ok() && !done.value());
  CHECK_EQ(IdsIn(plan), (Ids{11, 10}));
}
