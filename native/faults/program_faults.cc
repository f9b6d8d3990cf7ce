// Programs in sandboxes and in user namespaces while each call to the kernel fails in turn, in any
// of the processes that share in it. Either it does what it is for, or it ends with the name of the
// call; and no process, no descriptor and no mount is left.
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "core/mapped_namespace.h"
#include "core/namespace_holder.h"
#include "core/namespace_program.h"
#include "core/namespace_work.h"
#include "core/overlay_mount.h"
#include "core/sandbox_process.h"
#include "core/tree_removal.h"
#include "faults/apply_trees.h"
#include "faults/faults.h"
#include "faults/leavings.h"

namespace {

using faults::Descriptors;
using faults::Mounts;
using faults::Must;
using ovl::Failure;

constexpr uid_t kUser = 1000;

size_t failures = 0;

void Expect(bool good, const char* scenario, size_t nth, int err, const std::string& what) {
  if (good) return;
  ++failures;
  (void)std::printf("FAIL %s, call %zu (%s, errno %d): %s\n", scenario, nth, faults::Call().c_str(),
                    err, what.c_str());
}

// Of ours, and of what they have left to us.
bool HasChildren() { return ::waitpid(-1, nullptr, __WALL | WNOHANG) >= 0 || errno != ECHILD; }

// A supervisor that was let go of ends by itself.
bool Soon(const std::function<bool()>& wanted) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!wanted()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// What went wrong that has no failure to say so.
struct Outcome {
  std::optional<Failure> failure;
  std::string wrong;
};

using Work = std::function<Outcome()>;

// What is waited for in how many pieces is not always the same.
constexpr size_t kMissed = 3;
// Looking for descendants takes some calls for each process of the machine, all of them alike.
constexpr size_t kMost = 250;

// The end of a mount namespace takes long where the machine is busy: no more than is of use.
using Errors = std::initializer_list<int>;
constexpr Errors kAll = {EIO, ENOMEM, EAGAIN, EINTR};

void Run(const char* name, Errors errors, const Work& work, size_t& passed, size_t& failed) {
  const size_t before = failures;
  size_t most = 0;
  const size_t descriptors = Descriptors();
  const size_t mounts = Mounts();
  for (const int err : errors) {
    size_t missed = 0;
    for (size_t nth = 1; missed < kMissed && nth <= kMost && failures < 20; ++nth) {
      faults::Arm(nth, err);
      Outcome outcome = work();
      faults::Disarm();
      const bool happened = faults::Happened();
      missed = happened ? 0 : missed + 1;
      if (happened) most = std::max(most, nth);
      Expect(outcome.wrong.empty(), name, nth, err, outcome.wrong);
      if (outcome.failure) {
        const Failure& failure = *outcome.failure;
        Expect(happened, name, nth, err, std::string("it fails by itself: ") + failure.call);
        // What the supervisor did not take is told at our end, when it is gone (ECONNRESET).
        const bool reset = faults::Call() == "recv" && std::string(failure.call) == "recvmsg";
        Expect(reset || faults::NamesCall(failure), name, nth, err,
               std::string("the failure names ") + failure.call);
      }
      Expect(Soon([&] { return Descriptors() == descriptors; }), name, nth, err,
             "a descriptor is left");
      Expect(Soon([] { return !HasChildren(); }), name, nth, err, "a process is left");
      Expect(Mounts() == mounts, name, nth, err, "a mount is left");
    }
  }
  const bool good = failures == before && most > 0;
  (void)std::printf("%s %s: each of %zu calls failed in turn\n", good ? "ok" : "FAIL", name, most);
  ++(good ? passed : failed);
}

struct Place {
  Place() : base("/tmp/overlayfs-test-program-faults-" + std::to_string(::getpid())) {
    for (const char* name : {"", "/lower", "/lower/empty"}) {
      Must(::mkdir((base + name).c_str(), 0755), base + name);
    }
    std::ofstream(base + "/lower/file") << "text";
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { (void)ovl::RemoveTree(base); }
  std::string base;
};

std::string ReadAll(int fd) {
  std::string said;
  char text[64];
  for (;;) {
    const ssize_t n = ::read(fd, text, sizeof text);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return said;
    if (n > 0) said.append(text, static_cast<size_t>(n));  // a failure that was made is made once
  }
}

// Up to the last report.
std::string Reports(int fd, std::optional<Failure>& failure) {
  std::string said;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < end) {
    struct pollfd ready = {fd, POLLIN, 0};
    if (::poll(&ready, 1, 1000) <= 0) continue;
    auto report = ovl::ReadReport(fd);
    if (!report.ok()) {
      failure = std::move(report.failure());
      continue;
    }
    using Kind = ovl::SandboxReport::Kind;
    if (report.value().kind == Kind::kGone) return said + "gone";
    if (report.value().kind == Kind::kEnded) said += "ended ";
  }
  return said + "no end";
}

// A program that ends by itself, or by us while it waits for another one.
Outcome InSandbox(ovl::LiveOverlay& overlay, const std::string& lower, bool by_itself,
                  bool isolated) {
  Outcome outcome;
  ovl::SandboxSpec spec;
  spec.mounts = {{overlay.mount_fd(), lower}, {ovl::kViewEmpty, lower + "/empty"}};
  if (isolated) {
    spec.mounts.push_back({ovl::kViewHidden, lower + "/empty"});
    spec.mounts.push_back({ovl::kViewHidden, lower + "/file"});
    spec.mounts.push_back({ovl::kViewReadOnly, lower + "/file"});
    spec.mounts.push_back({ovl::kViewProc, "/proc"});
    spec.network = false;
  }
  const auto user_namespace = overlay.user_namespace();
  spec.user_namespace = user_namespace ? user_namespace->get() : -1;
  const ovl::UniqueFd kept(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!kept) return outcome;
  spec.kept = {kept.get()};
  spec.cwd = lower;
  spec.file = "sh";
  spec.args = {"sh", "-c", by_itself ? "echo said" : "echo said; sleep 1000"};
  spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  spec.stdio = {ovl::kStdioNull, ovl::kStdioPipe, ovl::kStdioNull};
  spec.grace = 10;
  auto started = ovl::StartInSandbox(std::move(spec));
  if (!started.ok()) {
    outcome.failure = std::move(started.failure());
    return outcome;
  }
  ovl::SandboxProcess& process = started.value();
  if (!by_itself) {
    auto ended = ovl::EndSandbox(process.reports.get());
    if (!ended.ok()) {
      outcome.failure = std::move(ended.failure());
      ended = ovl::EndSandbox(process.reports.get());
      if (!ended.ok()) outcome.wrong = "ending again fails";
    }
  }
  const std::string said = ReadAll(process.pipes[1].get());
  const std::string reports = Reports(process.reports.get(), outcome.failure);
  // One that could not be sent does not come.
  const bool unsent = reports == "gone" && faults::Call() == "send";
  if (reports != "ended gone" && !unsent) outcome.wrong = "its reports are " + reports;
  if (!said.empty() && said != "said\n") outcome.wrong = "it says " + said;
  return outcome;
}

void RunSandboxes(const char* title, Errors errors, size_t& passed, size_t& failed) {
  const Place place;
  ovl::OverlaySpec spec;
  spec.lower.emplace_back().path = place.base + "/lower";
  spec.upper.kind = ovl::UpperKind::kDirectory;
  spec.upper.path = place.base + "/upper";
  auto mounted = ovl::MountOverlay(spec);
  if (!mounted.ok()) {
    (void)std::printf("FAIL %s: %s\n", title, mounted.failure().call);
    ++failed;
    return;
  }
  ovl::LiveOverlay& live = *mounted.value().live;
  const std::string lower = place.base + "/lower";
  const std::string name = title;
  Run((name + ", by itself").c_str(), errors, [&] { return InSandbox(live, lower, true, false); },
      passed, failed);
  Run((name + ", ended by us").c_str(), {EIO}, [&] { return InSandbox(live, lower, false, false); },
      passed, failed);
  Run((name + ", isolated").c_str(), errors, [&] { return InSandbox(live, lower, true, true); },
      passed, failed);
  auto closed = live.Close({});
  if (!closed.ok()) ++failed;
}

// Without maps: of those nothing here depends.
ovl::Result<ovl::UniqueFd> HeldNamespace() {
  ovl::NamespaceHolder holder;
  auto started = holder.Start();
  if (!started.ok()) return std::move(started.failure());
  return holder.OpenNamespace();
}

Outcome InNamespace(int user_namespace) {
  Outcome outcome;
  ovl::ProgramSpec spec;
  spec.file = "/bin/sh";
  spec.args = {"sh", "-c", "exit 7"};
  spec.cwd = "/";
  auto ran = ovl::RunInUserNamespace(user_namespace, spec);
  if (!ran.ok()) {
    outcome.failure = std::move(ran.failure());
  } else if (ran.value().code != 7) {
    outcome.wrong = "it ends with " + std::to_string(ran.value().code);
  }
  return outcome;
}

Outcome WorkThere(int user_namespace) {
  Outcome outcome;
  auto done = ovl::WorkInUserNamespace(user_namespace, [] {
    Failure failure = ovl::Refusal(ESTALE, "openat", "as-it-is", "a path");
    failure.detail = "more";
    return ovl::Status(std::move(failure));
  });
  if (done.ok()) {
    outcome.wrong = "the failure is not told";
    return outcome;
  }
  const Failure& failure = done.failure();
  if (std::strcmp(failure.reason, "as-it-is") != 0) {
    outcome.failure = std::move(done.failure());
  } else if (failure.path != "a path" || failure.detail != "more" || failure.err != ESTALE) {
    outcome.wrong = "the failure is told otherwise";
  }
  return outcome;
}

template <typename T>
Outcome Of(ovl::Result<T> made) {
  Outcome outcome;
  if (!made.ok()) outcome.failure = std::move(made.failure());
  return outcome;
}

void RunNamespaces(size_t& passed, size_t& failed) {
  Run(
      "program, a namespace held", kAll, [] { return Of(HeldNamespace()); }, passed, failed);
  auto held = HeldNamespace();
  if (!held.ok()) {
    (void)std::printf("FAIL program in a user namespace: %s\n", held.failure().call);
    ++failed;
    return;
  }
  const int fd = held.value().get();
  Run(
      "program in a user namespace", kAll, [fd] { return InNamespace(fd); }, passed, failed);
  Run(
      "program, work in a user namespace", kAll, [fd] { return WorkThere(fd); }, passed, failed);
}

// In a process of its own: there is no way back to more rights, or to other mounts.
void Apart(const std::function<void(size_t&, size_t&)>& run, bool as_user, size_t& passed,
           size_t& failed) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    size_t good = 0;
    size_t bad = 0;
    if (as_user) {
      Must(::setgroups(0, nullptr), "setgroups");
      Must(::setgid(kUser), "setgid");
      Must(::setuid(kUser), "setuid");
      Must(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl");  // else /proc/self is root's
    }
    Must(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl");
    // What a supervisor that is gone has left comes to us.
    Must(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl");
    run(good, bad);
    (void)std::fflush(stdout);
    std::_Exit(bad == 0 && good > 0 ? 0 : 1);
  }
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  ++(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? passed : failed);
}

// /etc knows the user and grants him ids, for what is started from here on.
void Grant(const std::string& etc) {
  Must(::mkdir(etc.c_str(), 0755), etc);
  std::ofstream(etc + "/passwd") << "ovl:x:1000:1000::/:/bin/sh\n";
  for (const char* name : {"/subuid", "/subgid"}) std::ofstream(etc + name) << "ovl:700000:10\n";
  Must(::mount(etc.c_str(), "/etc", nullptr, MS_BIND, nullptr), etc);
}

void RunMapped(size_t& passed, size_t& failed) {
  const Place place;
  Must(::unshare(CLONE_NEWNS), "unshare");
  Must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "/");
  Grant(place.base + "/etc");
  Apart(
      [](size_t& good, size_t& bad) {
        const auto work = [] { return Of(ovl::MakeMappedNamespace("", 10'000)); };
        Run("program, a mapped namespace", kAll, work, good, bad);
      },
      true, passed, failed);
  Must(::umount2("/etc", MNT_DETACH), "/etc");
}

}  // namespace

namespace faults {

void RunPrograms(const char* filter, size_t& passed, size_t& failed) {
  if (filter != nullptr && std::strstr("program", filter) == nullptr) return;
  const bool root = ::geteuid() == 0;
  const auto rootless = [](size_t& good, size_t& bad) {
    RunNamespaces(good, bad);
    RunSandboxes("program in a sandbox, rootless", {EIO, EAGAIN, EINTR}, good, bad);
  };
  Apart(rootless, root, passed, failed);
  if (!root || ::access("/usr/bin/newuidmap", X_OK) != 0) {
    (void)std::printf("skip program, a mapped namespace: needs root and newuidmap\n");
  } else {
    Apart(RunMapped, false, passed, failed);
  }
  if (!root) return;
  Apart([](size_t& good, size_t& bad) { RunSandboxes("program in a sandbox", {EIO}, good, bad); },
        false, passed, failed);
}

}  // namespace faults
