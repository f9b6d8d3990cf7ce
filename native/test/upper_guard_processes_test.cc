// One upper, one mount, among many: processes that race, that die, and that are in other
// namespaces.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/unique_fd.h"
#include "core/upper_guard.h"
#include "test/check.h"
#include "test/child.h"
#include "test/guarded_upper.h"
#include "test/overlay_dirs.h"

namespace {

using ovl::UniqueFd;
using ovl::UpperGuard;

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

TEST(UpperGuardOneOfFiftyWinsAsRoot) {
  if (NotRoot()) return;
  Race(StayRoot, EnterMountNamespace, "");
}

TEST(UpperGuardOneOfFiftyWinsAsAnOrdinaryUser) {
  if (NotRoot()) return;
  Race(BecomeOrdinaryUser, EnterUserNamespace, ",userxattr");
}
