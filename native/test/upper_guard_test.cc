// One upper, one mount: who is refused, who is not, and what the refusal and the lease say.
#include "core/upper_guard.h"

#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include "core/lease_file.h"
#include "core/unique_fd.h"
#include "test/check.h"
#include "test/child.h"
#include "test/guarded_upper.h"
#include "test/overlay_dirs.h"

namespace {

using ovl::LeaseHolder;
using ovl::UniqueFd;
using ovl::UpperGuard;

// A lease without a guard: what somebody left.
void Leave(const OverlayDirs& dirs, const LeaseHolder& holder) {
  const UniqueFd work = dirs.Open("work");
  auto draft = ovl::DraftLease(work.get());
  if (CHECK(draft.ok())) CHECK(ovl::PublishLease(work.get(), draft.value().get(), holder).ok());
}

}  // namespace

TEST(UpperGuardHoldsBothDirectories) {
  const OverlayDirs dirs;
  auto guard = Acquire(dirs);
  if (!CHECK(guard.ok())) return;
  CheckRefused(Acquire(dirs), "upper-in-use", dirs.Path("upper"),
               {"pid " + std::to_string(::getpid()), "core-test", "has locked it"});
  CheckRefused(Acquire(dirs, "upper", "work2"), "upper-in-use", dirs.Path("upper"), {});
  CheckRefused(Acquire(dirs, "upper2", "work"), "work-in-use", dirs.Path("work"), {});
  CheckRefused(Acquire(dirs, "work", "work2"), "upper-in-use", dirs.Path("work"), {});
  CHECK_EQ(Ask(dirs, "upper2", "work2"), "free");
  {
    const UpperGuard moved = std::move(guard.value());
    CHECK_EQ(Ask(dirs), "upper-in-use");
  }
  CHECK_EQ(Ask(dirs), "free");
  // Nothing was recorded, so nothing is left.
  CHECK(std::filesystem::is_empty(dirs.Path("work")));
}

TEST(UpperGuardLeavesOneDirectoryAsBothToTheKernel) {
  const OverlayDirs dirs;
  CHECK_EQ(Ask(dirs, "upper", "upper"), "free");
}

TEST(UpperGuardLeaseOfADetachedMountHoldsTheLock) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  auto guard = Acquire(dirs);
  if (!CHECK(guard.ok())) return;
  UniqueFd mount = dirs.MountDetached("upper", "work");
  CHECK(mount);
  CHECK(guard.value().Record(Holder("", "a detached holder")).ok());
  CHECK(Lease(dirs) && Lease(dirs)->command == "a detached holder");
  CheckRefused(Acquire(dirs), "upper-in-use", dirs.Path("upper"),
               {"pid " + std::to_string(::getpid()), "(a detached holder)", "has held it since 20",
                "as a detached mount"});
  // An ordinary user, who cannot ask the kernel, as well.
  Child user([&](const Child& child) { child.Say(BecomeOrdinaryUser() ? Ask(dirs) : "failed"); });
  CHECK_EQ(user.Hear(), "upper-in-use");
  user.Kill();  // until it is gone it has copies of our descriptors
  mount.Reset();
  guard.value().Release();
  CHECK(!Lease(dirs));
  CHECK_EQ(Ask(dirs), "free");
}

TEST(UpperGuardOutlivesNoUnmountByOthers) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  auto first = Acquire(dirs);
  if (!CHECK(first.ok()) || !CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0)) return;
  CHECK(first.value().Record(Holder(dirs.Path("merged"), "the first")).ok());
  first.value().LeaveToKernel();
  CheckRefused(Acquire(dirs), "upper-in-use", dirs.Path("upper"),
               {"(the first) mounted it on " + dirs.Path("merged") + " at 20"});
  CheckRefused(Acquire(dirs, "upper2", "work"), "work-in-use", dirs.Path("work"), {"(the first)"});
  CHECK(dirs.Unmount("merged"));
  // The first does not know yet.
  auto second = Acquire(dirs);
  if (!CHECK(second.ok()) || !CHECK_EQ(dirs.Mount("upper", "work", "merged2"), 0)) return;
  CHECK(second.value().Record(Holder(dirs.Path("merged2"), "the second")).ok());
  second.value().LeaveToKernel();
  first.value().Release();
  CHECK(Lease(dirs) && Lease(dirs)->command == "the second");
  CHECK(dirs.Unmount("merged2"));
  second.value().Release();
  CHECK(!Lease(dirs));
}

TEST(UpperGuardRecordsAgainWhenAttached) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  auto guard = Acquire(dirs);
  if (!CHECK(guard.ok()) || !CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0)) return;
  CHECK(guard.value().Record(Holder("", "detached")).ok());
  CHECK(guard.value().Record(Holder(dirs.Path("merged"), "attached")).ok());
  CHECK(guard.value().Record(Holder(dirs.Path("merged"), "attached again")).ok());
  CHECK(Lease(dirs) && Lease(dirs)->command == "attached again");
  CHECK(dirs.Unmount("merged"));
  guard.value().Release();
  CHECK(!Lease(dirs));
}

TEST(UpperGuardLeaseNeverDecides) {
  const OverlayDirs dirs;
  // Our own pid, as one that is used again.
  LeaseHolder holder = Holder("", "somebody");
  Leave(dirs, holder);
  CHECK_EQ(Ask(dirs), "free");
  holder.target = dirs.Path("merged");
  holder.mount_id = 1;
  Leave(dirs, holder);
  CHECK_EQ(Ask(dirs), "free");
  // Not of this boot: nobody is named after it either.
  holder.boot_id = "00000000-0000-4000-8000-000000000000";
  Leave(dirs, holder);
  CHECK_EQ(Ask(dirs), "free");
  const UniqueFd upper = dirs.Open("upper");
  CHECK(::flock(upper.get(), LOCK_EX) == 0);
  const auto refused = Acquire(dirs);
  CheckRefused(refused, "upper-in-use", dirs.Path("upper"), {"has locked it"});
  CHECK(!refused.ok() && refused.failure().detail.find("somebody") == std::string::npos);
}

TEST(UpperGuardSaysThatAMountIsNotToBeSeen) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  LeaseHolder holder = Holder("", "on\x1b[2Je of before");
  Leave(dirs, holder);
  const UniqueFd mount = dirs.MountDetached("upper", "work");
  CheckRefused(Acquire(dirs), "upper-in-use", dirs.Path("upper"),
               {"cannot be seen from here", "the last to record", "(on?[2Je of before)"});
}

TEST(UpperGuardNeedsAWorkdirThatCanBeWritten) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  Child other([&](const Child& child) {
    const std::string work = dirs.Path("work");
    const bool bound =
        EnterMountNamespace() &&
        ::mount(work.c_str(), work.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
        ::mount(nullptr, work.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
    auto guard = Acquire(dirs);
    if (!bound || !guard.ok()) return child.Say("not so far");
    auto drafted = guard.value().DraftLease();
    child.Say(drafted.ok() ? "no failure"
                           : drafted.failure().call + (" " + drafted.failure().path) + " " +
                                 std::to_string(drafted.failure().err));
  });
  CHECK_EQ(other.Hear(),
           "openat " + dirs.Path("work/overlayfs.lease.new") + " " + std::to_string(EROFS));
}

TEST(UpperGuardLeaseSurvivesTheKernelsUseOfTheWorkdir) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  for (const char* const options : {"", ",index=on", ",index=on,nfs_export=on", ",volatile"}) {
    auto guard = Acquire(dirs);
    if (!CHECK(guard.ok())) return;
    if (!CHECK_EQ(dirs.Mount("upper", "work", "merged", options), 0)) return;
    CHECK(guard.value().Record(Holder(dirs.Path("merged"), options)).ok());
    CHECK(dirs.Unmount("merged"));
    std::error_code ignored;  // the next mount would fail, and say so
    (void)std::filesystem::remove_all(dirs.Path("work/work/incompat"), ignored);
    // The next mount empties the kernel's directories, not ours.
    if (!CHECK_EQ(dirs.Mount("upper", "work", "merged", ",index=on"), 0)) return;
    CHECK(Lease(dirs) && Lease(dirs)->command == options);
    CHECK(dirs.Unmount("merged"));
    guard.value().Release();
    CHECK(!Lease(dirs));
  }
}
