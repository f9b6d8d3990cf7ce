// An apply that is killed, or fails, at each of its calls to the kernel in turn: afterwards it can
// be finished and undone, and either is exact.
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/apply.h"
#include "core/tree_removal.h"
#include "faults/apply_trees.h"
#include "faults/faults.h"

namespace {

using faults::MakeLower;
using faults::MakeUpper;
using faults::Must;
using faults::Snapshot;
using ovl::Apply;
using ovl::ApplyOptions;
using ovl::ApplyStage;
using ovl::Layers;

size_t failures = 0;

void Expect(bool good, const char* scenario, size_t nth, const std::string& what) {
  if (good) return;
  ++failures;
  (void)std::printf("FAIL %s, call %zu (%s): %s\n", scenario, nth, faults::Call().c_str(),
                    what.c_str());
}

class Quiet final : public ovl::ApplySink {
 public:
  void Add(ovl::ApplyOutcome outcome, const ovl::ChangeInfo&, const ovl::Failure*) override {
    if (outcome == ovl::ApplyOutcome::kFailed || outcome == ovl::ApplyOutcome::kConflict) ++bad;
  }
  bool Full() const override { return false; }
  size_t bad = 0;
};

struct Ran {
  bool ok = false;
  bool whole = false;  // and every change
  ovl::Failure failure;
};

Ran Pull(ovl::Result<std::unique_ptr<Apply>> apply) {
  Ran ran;
  if (!apply.ok()) {
    ran.failure = std::move(apply.failure());
    return ran;
  }
  const ovl::CancelFlag never{false};
  Quiet sink;
  for (;;) {
    auto more = apply.value()->Next(ovl::WorkSlice(never, std::chrono::hours(1)), sink);
    if (!more.ok()) {
      ran.failure = std::move(more.failure());
      return ran;
    }
    if (!more.value()) break;
  }
  ran.ok = true;
  ran.whole = sink.bad == 0;
  return ran;
}

struct Ground {
  std::string base;
  bool sync = false;  // a machine does little else than that otherwise
  std::string lower() const { return base + "/lower"; }

  Ran ApplyIt() const {
    Layers layers;
    layers.marks = ovl::MarkReader::Decided(ovl::MarkerSpace::kTrusted);
    auto upper = ovl::OpenLayer(base + "/upper", ovl::LayerDir::kUpper);
    if (!upper.ok()) return {false, false, std::move(upper.failure())};
    layers.upper = std::move(upper.value());
    auto lower_dir = ovl::OpenLayer(lower(), 0);
    if (!lower_dir.ok()) return {false, false, std::move(lower_dir.failure())};
    layers.lowers.push_back(std::move(lower_dir.value()));
    ApplyOptions options;
    options.sync = sync;
    return Pull(Apply::Open(layers, std::nullopt, false, options));
  }
  Ran Resume() const { return Pull(Apply::Resume(lower(), sync)); }
  Ran Abort() const { return Pull(Apply::Abort(lower(), sync)); }

  // The stage that an apply has left, if any.
  std::optional<ApplyStage::State> Left() const {
    auto pending = Apply::FindPending(lower());
    if (!pending.ok() || !pending.value()) return std::nullopt;
    return pending.value()->state;
  }

  // As it was: the same times, and no file of before.
  void Renew() const {
    (void)ovl::RemoveTree(lower());
    (void)ovl::RemoveTree(base + "/.lower.overlayfs-apply");
    const std::string command = "cp -a " + base + "/pristine " + lower();
    if (std::system(command.c_str()) != 0) std::_Exit(2);  // NOLINT(cert-env33-c): paths of ours
  }
};

// In a process of its own, which is killed at the `nth` call. False where there were not so many.
bool Killed(size_t nth, const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    faults::Arm(nth, faults::kKill);
    work();
    std::_Exit(0);
  }
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  faults::Disarm();  // what it has armed is ours too
  return WIFSIGNALED(status);
}

class ApplyFaults {
 public:
  explicit ApplyFaults(Ground ground) : ground_(std::move(ground)) {
    ground_.Renew();
    before_ = Snapshot(ground_.lower());
    const Ran ran = ground_.ApplyIt();
    Expect(ran.ok && ran.whole, "undisturbed", 0, ran.failure.call);
    after_ = Snapshot(ground_.lower());
    Expect(before_ != after_, "undisturbed", 0, "nothing was changed");
  }

  // Whatever happened, it is finished or undone from where it is.
  void Finish(const char* scenario, size_t nth) {
    // Nothing was left to be done: the lower is another one now, and its upper means another thing.
    if (!ground_.Left() && Snapshot(ground_.lower()) == after_) return;
    const Ran ran = ground_.ApplyIt();
    const bool ended = std::strcmp(ran.failure.reason, "apply-ended") == 0;
    Expect(ended || (ran.ok && ran.whole), scenario, nth,
           std::string("finishing fails: ") + ran.failure.call + " " + ran.failure.reason + " " +
               ran.failure.path + " " + std::strerror(ran.failure.err));
    Same(after_, scenario, nth, "finished");
  }
  void Undo(const char* scenario, size_t nth) {
    const auto left = ground_.Left();
    if (!left) {
      const std::string now = Snapshot(ground_.lower());
      Expect(now == before_ || now == after_, scenario, nth, "neither before nor after");
      return;
    }
    const bool done = *left == ApplyStage::State::kDone;
    const Ran ran = done ? ground_.Resume() : ground_.Abort();
    Expect(ran.ok, scenario, nth,
           std::string("undoing fails: ") + ran.failure.call + " " + ran.failure.reason + " " +
               ran.failure.path + " " + std::strerror(ran.failure.err));
    Same(done ? after_ : before_, scenario, nth, "undone");
  }

  size_t KillEach(const char* scenario, bool undo) {
    size_t nth = 1;
    for (;; ++nth) {
      ground_.Renew();
      if (!Killed(nth, [this] { (void)ground_.ApplyIt(); })) break;
      undo ? Undo(scenario, nth) : Finish(scenario, nth);
      if (failures > 20) break;
    }
    return nth - 1;
  }

  // Killed where some of its names are in place, about at that call: how many come before depends
  // on the other processes of the machine.
  bool Interrupted(size_t& middle) {
    for (int tries = 0; tries < 100; ++tries) {
      ground_.Renew();
      (void)Killed(middle, [this] { (void)ground_.ApplyIt(); });
      const auto left = ground_.Left();
      if (left == ApplyStage::State::kReady) return true;
      const bool early =
          left ? *left == ApplyStage::State::kPreparing : Snapshot(ground_.lower()) == before_;
      middle = early ? middle + 7 : middle - std::min<size_t>(middle - 1, 10);
    }
    return false;
  }

  // Killed in the middle, then again at each call of what goes on from there.
  size_t KillAgain(const char* scenario, size_t middle, bool undo) {
    size_t nth = 1;
    for (; Interrupted(middle); ++nth) {
      const bool killed =
          Killed(nth, [&] { undo ? (void)ground_.Abort() : (void)ground_.Resume(); });
      if (!killed) break;
      undo ? Undo(scenario, nth) : Finish(scenario, nth);
      if (failures > 20) break;
    }
    return nth - 1;
  }

  // What has no consequence is no failure; else it names what has failed.
  void EndAfter(const Ran& ran, const char* scenario, size_t nth, bool undo) {
    Expect(ran.ok || ran.failure.call == faults::Call() || ran.failure.reason[0] != '\0', scenario,
           nth, std::string("the failure names ") + ran.failure.call);
    undo ? Undo(scenario, nth) : Finish(scenario, nth);
  }

  size_t FailEach(const char* scenario, int err, bool undo) {
    ground_.sync = err == EIO;
    size_t nth = 1;
    for (;; ++nth) {
      ground_.Renew();
      faults::Arm(nth, err);
      const Ran ran = ground_.ApplyIt();
      faults::Disarm();
      if (!faults::Happened()) break;
      EndAfter(ran, scenario, nth, undo);
      if (failures > 20) break;
    }
    return nth - 1;
  }

  // Killed in the middle, and what goes on from there fails at each of its calls.
  size_t FailAgain(const char* scenario, size_t middle, int err, bool undo) {
    size_t nth = 1;
    for (; Interrupted(middle); ++nth) {
      faults::Arm(nth, err);
      const Ran ran = undo ? ground_.Abort() : ground_.Resume();
      faults::Disarm();
      if (!faults::Happened()) break;
      EndAfter(ran, scenario, nth, undo);
      if (failures > 20) break;
    }
    return nth - 1;
  }

 private:
  void Same(const std::string& expected, const char* scenario, size_t nth, const char* what) {
    const std::string now = Snapshot(ground_.lower());
    if (now != expected) {
      Expect(false, scenario, nth, std::string(what) + " it is\n" + now + "and not\n" + expected);
    }
    Expect(!ground_.Left(), scenario, nth, "the stage is left");
  }

  Ground ground_;
  std::string before_;
  std::string after_;
};

}  // namespace

namespace faults {

bool RunApply(const char* filter, size_t& passed, size_t& failed) {
  if (filter != nullptr && std::strstr("apply", filter) == nullptr) return true;
  if (::geteuid() != 0) {
    (void)std::printf("skip apply: needs trusted.* attributes [root only]\n");
    return true;
  }
  const std::string base = "/tmp/overlayfs-test-apply-faults-" + std::to_string(::getpid());
  Must(::mkdir(base.c_str(), 0755), base);
  // Thousands of trees are made and removed: in memory that is a question of seconds. The mount
  // namespace is that of the tests.
  Must(::mount("none", base.c_str(), "tmpfs", 0, nullptr), base);
  MakeLower(base + "/pristine");
  MakeUpper(base + "/upper");
  ApplyFaults apply(Ground{base});
  const auto tell = [&](const char* name, const std::function<size_t()>& run) {
    const size_t before = failures;
    const size_t calls = run();
    const bool good = failures == before && calls > 0;
    (void)std::printf("%s %s: at each of %zu calls\n", good ? "ok" : "FAIL", name, calls);
    ++(good ? passed : failed);
  };
  size_t calls = 0;
  tell("apply, killed and finished",
       [&] { return calls = apply.KillEach("apply, killed and finished", false); });
  tell("apply, killed and undone",
       [&] { return apply.KillEach("apply, killed and undone", true); });
  // Somewhere in the second half, where names are put in place.
  size_t middle = calls;
  tell("undoing, killed and undone again", [&] {
    size_t most = 0;
    for (middle = calls - calls / 3; middle < calls; middle += 25) {
      most = std::max(most, apply.KillAgain("undoing, killed and undone again", middle, true));
    }
    return most;
  });
  tell("finishing, killed and finished again", [&] {
    size_t most = 0;
    for (middle = calls - calls / 3; middle < calls; middle += 25) {
      most = std::max(most, apply.KillAgain("finishing, killed and finished again", middle, false));
    }
    return most;
  });
  // Numbers that mean nothing but a failure. ("Not there" means that it is not there.)
  const auto fail = [&](int err, const char* number, bool undo) {
    const std::string name = std::string(number) + (undo ? ", undone" : ", finished");
    const std::string first = "apply, " + name;
    tell(first.c_str(), [&] { return apply.FailEach(first.c_str(), err, undo); });
    if (err == ENOSPC) return;  // neither needs space
    const std::string again = (undo ? "undoing, " : "finishing, ") + name;
    tell(again.c_str(), [&] { return apply.FailAgain(again.c_str(), calls, err, undo); });
  };
  for (const bool undo : {false, true}) {
    fail(EIO, "EIO", undo);
    fail(ENOSPC, "ENOSPC", undo);
  }
  fail(EPERM, "EPERM", true);
  fail(ENOMEM, "ENOMEM", false);
  Must(::umount2(base.c_str(), MNT_DETACH), base);
  Must(::rmdir(base.c_str()), base);
  return failures == 0;
}

}  // namespace faults
