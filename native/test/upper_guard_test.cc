// One upper, one mount: who is refused, who is not, and what the refusal says.
#include "core/upper_guard.h"

#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "test/check.h"
#include "test/child.h"
#include "test/overlay_dirs.h"

namespace {

using ovl::LeaseHolder;
using ovl::Result;
using ovl::UniqueFd;
using ovl::UpperGuard;

Result<UpperGuard> Acquire(const OverlayDirs& dirs, std::string_view upper = "upper",
                           std::string_view work = "work") {
  const UniqueFd upper_fd = dirs.Open(upper);
  const UniqueFd work_fd = dirs.Open(work);
  return UpperGuard::Acquire(upper_fd.get(), work_fd.get(), dirs.Path(upper), dirs.Path(work),
                             ovl::OwnMountPrivilege());
}

// "free", or the reason of the refusal. What is asked is not kept.
std::string Ask(const OverlayDirs& dirs, std::string_view upper = "upper",
                std::string_view work = "work") {
  auto guard = Acquire(dirs, upper, work);
  return guard.ok() ? "free" : guard.failure().reason;
}

// The refusal names what is in use and, in its detail, all of `words`.
void CheckRefused(const Result<UpperGuard>& guard, const std::string& reason,
                  const std::string& path, const std::vector<std::string>& words) {
  if (!CHECK(!guard.ok())) return;
  CHECK_EQ(guard.failure().err, EBUSY);
  CHECK_EQ(std::string(guard.failure().reason), reason);
  CHECK_EQ(guard.failure().path, path);
  for (const std::string& word : words) {
    if (guard.failure().detail.find(word) == std::string::npos) {
      check::Fail(__FILE__, __LINE__, "\"" + guard.failure().detail + "\" does not name " + word);
    }
  }
}

LeaseHolder Holder(const std::string& target, const std::string& command) {
  auto holder = ovl::DescribeCaller();
  if (!CHECK(holder.ok())) return {};
  holder.value().command = command;
  holder.value().target = target;
  const UniqueFd place(target.empty() ? -1 : ::open(target.c_str(), O_PATH | O_CLOEXEC));
  auto identity = ovl::IdentifyMount(place.get());
  if (place && identity.ok() && identity.value().unique) {
    holder.value().mount_id = identity.value().id;
  }
  return std::move(holder.value());
}

std::optional<LeaseHolder> Lease(const OverlayDirs& dirs, std::string_view work = "work") {
  const UniqueFd fd = dirs.Open(work);
  auto lease = ovl::ReadLease(fd.get());
  CHECK(lease.ok());
  return lease.ok() ? std::move(lease.value()) : std::nullopt;
}

// A lease without a guard: what somebody left.
void Leave(const OverlayDirs& dirs, const LeaseHolder& holder) {
  const UniqueFd work = dirs.Open("work");
  auto draft = ovl::DraftLease(work.get());
  if (CHECK(draft.ok())) CHECK(ovl::PublishLease(work.get(), draft.value().get(), holder).ok());
}

bool NotRoot() {
  if (::geteuid() == 0) return false;
  check::Skip("needs root");
  return true;
}

// In a child: takes the upper, mounts, records, and says how that went.
std::optional<UpperGuard> MountGuarded(const OverlayDirs& dirs, const Child& child,
                                       const std::string& options = "") {
  auto guard = Acquire(dirs);
  if (!guard.ok()) {
    child.Say(guard.failure().reason);
    return std::nullopt;
  }
  const bool mounted = dirs.Mount("upper", "work", "merged", options) == 0 &&
                       guard.value().Record(Holder(dirs.Path("merged"), "the mounter")).ok();
  child.Say(mounted ? "mounted" : "failed");
  return std::move(guard.value());
}

using Become = bool (*)();
bool StayRoot() { return true; }

// Fifty at once, started together; what each of them has in common with the others is the file
// only.
void Race(Become become, Become enter, const std::string& options) {
  const OverlayDirs dirs;
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 50; ++i) {
    children.push_back(std::make_unique<Child>([&](const Child& child) {
      child.Say(become() && enter() ? "ready" : "failed");
      child.Pause();
      const auto guard = MountGuarded(dirs, child, options);
      child.Pause();
    }));
  }
  for (const auto& child : children) {
    if (!CHECK_EQ(child->Hear(), "ready")) return;
  }
  for (const auto& child : children) child->Continue();
  size_t mounted = 0;
  size_t refused = 0;
  for (const auto& child : children) {
    const std::string word = child->Hear();
    if (word == "mounted") ++mounted;
    if (word == "upper-in-use" || word == "work-in-use") ++refused;
  }
  CHECK_EQ(mounted, 1U);
  CHECK_EQ(refused, 49U);
  children.clear();
  // All are dead now.
  CHECK_EQ(Ask(dirs), "free");
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

TEST(UpperGuardIsNotHeldUpByTheDead) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  Child killed([&](const Child& child) {
    auto guard = Acquire(dirs);
    const UniqueFd mount = dirs.MountDetached("upper", "work");
    const bool held = guard.ok() && mount && guard.value().Record(Holder("", "the killed")).ok();
    child.Say(held ? "held" : "failed");
    child.Pause();
  });
  if (!CHECK_EQ(killed.Hear(), "held")) return;
  CHECK_EQ(Ask(dirs), "upper-in-use");
  killed.Kill();
  CHECK(Lease(dirs) && Lease(dirs)->command == "the killed");
  CHECK_EQ(Ask(dirs), "free");

  Child before_recording([&](const Child& child) {
    const auto guard = Acquire(dirs);
    child.Say(guard.ok() ? "held" : "failed");
    child.Pause();
  });
  if (!CHECK_EQ(before_recording.Hear(), "held")) return;
  before_recording.Kill();
  CHECK_EQ(Ask(dirs), "free");
}

TEST(UpperGuardMountOutlivesItsProgram) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  {
    const Child mounter([&](const Child& child) { (void)MountGuarded(dirs, child); });
    if (!CHECK_EQ(mounter.Hear(), "mounted")) return;
    CHECK_EQ(mounter.Hear(), "");
  }
  CheckRefused(Acquire(dirs), "upper-in-use", dirs.Path("upper"),
               {"(the mounter) mounted it on " + dirs.Path("merged")});
  // By the mount table for those who cannot ask, without the lease too.
  for (const bool with_lease : {true, false}) {
    if (!with_lease) CHECK(::unlink(dirs.Path("work/overlayfs.lease").c_str()) == 0);
    const Child user([&](const Child& child) {
      auto guard = Acquire(dirs);
      child.Say(!BecomeOrdinaryUser()          ? "failed"
                : (guard = Acquire(dirs)).ok() ? "free"
                                               : guard.failure().detail);
    });
    const std::string said = user.Hear();
    CHECK(said.find(dirs.Path("merged")) != std::string::npos);
    CHECK_EQ(said.find("the mounter") != std::string::npos, with_lease);
  }
  CHECK(dirs.Unmount("merged"));
  CHECK_EQ(Ask(dirs), "free");
}

TEST(UpperGuardSeesContainers) {
  if (NotRoot()) return;
  const OverlayDirs dirs;
  Child container([&](const Child& child) {
    if (!EnterMountNamespace() || ::unshare(CLONE_NEWPID) != 0) return child.Say("failed");
    const pid_t init = ::fork();  // the first of the new pid namespace
    if (init == 0) {
      const bool mounted = ::mount("proc", "/proc", "proc", 0, nullptr) == 0;
      std::optional<UpperGuard> guard;
      if (mounted) guard = MountGuarded(dirs, child);
      if (!mounted) child.Say("failed");
      guard.reset();  // as if it had ended, while the mount lives
      child.Pause();
      ::_exit(0);
    }
    (void)::waitpid(init, nullptr, 0);
  });
  if (!CHECK_EQ(container.Hear(), "mounted")) return;
  CheckRefused(Acquire(dirs), "upper-in-use", dirs.Path("upper"),
               {"pid 1 (the mounter) mounted it on " + dirs.Path("merged"),
                " in the mount namespace of pid ", "core-test"});
  container.Continue();
  CHECK_EQ(container.Hear(), "");
  container.Kill();  // its namespace goes after its descriptors
  CHECK_EQ(Ask(dirs), "free");
}

// Who unshares has a copy of the mount for as long as the program takes that he starts there.
TEST(UpperGuardWaitsForACopiedNamespace) {
  if (NotRoot()) return;
  constexpr struct timespec kShort = {0, 10'000'000};
  const OverlayDirs dirs;
  std::string answer;
  // On a busy machine the copy may last longer than anybody waits: then it is another try.
  for (int round = 0; round < 5 && answer != "free"; ++round) {
    if (!CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0)) return;
    Child copy([&](const Child& child) {
      child.Say(EnterMountNamespace() ? "copied" : "failed");
      child.Pause();
      (void)::nanosleep(&kShort, nullptr);
    });
    CHECK_EQ(copy.Hear(), "copied");
    CHECK_EQ(::umount2(dirs.Path("merged").c_str(), 0), 0);
    copy.Continue();
    answer = Ask(dirs);
    copy.Kill();
  }
  CHECK_EQ(answer, "free");
}

TEST(UpperGuardSeesOwnSandboxesOfAnOrdinaryUser) {
  if (NotRoot()) return;
  for (const char* const how : {"path", "relative path", "no lease"}) {
    const OverlayDirs dirs;
    Child sandbox([&](const Child& child) {
      if (!BecomeOrdinaryUser() || !EnterUserNamespace()) return child.Say("failed");
      auto guard = Acquire(dirs);
      if (!guard.ok()) return child.Say(guard.failure().reason);
      std::string data = ",userxattr";
      bool good = true;
      if (how == std::string("relative path")) {
        // The table has it as it was given, which leads nowhere from elsewhere.
        good = ::chdir(dirs.Path("").c_str()) == 0 &&
               ::mount("overlay", "merged", "overlay", 0,
                       "lowerdir=lower,upperdir=upper,workdir=work,userxattr") == 0 &&
               ::chdir("/") == 0;
      } else {
        good = dirs.Mount("upper", "work", "merged", data) == 0;
      }
      if (how != std::string("no lease")) {
        good = good && guard.value().Record(Holder(dirs.Path("merged"), "the sandbox")).ok();
      }
      { const UpperGuard ended = std::move(guard.value()); }  // the lock goes, the mount stays
      child.Say(good ? "mounted" : "failed");
      child.Pause();
    });
    if (!CHECK_EQ(sandbox.Hear(), "mounted")) return;
    const auto ask = [&] {
      const Child user([&](const Child& child) {
        if (!BecomeOrdinaryUser()) return child.Say("failed");
        auto guard = Acquire(dirs);
        child.Say(guard.ok() ? "free" : guard.failure().reason + (" " + guard.failure().detail));
      });
      return user.Hear();
    };
    const std::string said = ask();
    CHECK(said.find("in-use") != std::string::npos);
    CHECK(said.find(dirs.Path("merged")) != std::string::npos);
    CHECK(said.find("in the mount namespace of pid ") != std::string::npos);
    CHECK_EQ(said.find("the sandbox") != std::string::npos, how != std::string("no lease"));
    sandbox.Kill();
    CHECK_EQ(ask(), "free");
  }
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
    child.Say(!bound || guard.ok() ? "no failure"
                                   : guard.failure().call + (" " + guard.failure().path) + " " +
                                         std::to_string(guard.failure().err));
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

TEST(UpperGuardOneOfFiftyWinsAsRoot) {
  if (NotRoot()) return;
  Race(StayRoot, EnterMountNamespace, "");
}

TEST(UpperGuardOneOfFiftyWinsAsAnOrdinaryUser) {
  if (NotRoot()) return;
  Race(BecomeOrdinaryUser, EnterUserNamespace, ",userxattr");
}
