// Programs under a supervisor, on real detached overlays.
#include "core/sandbox_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "core/sys_lock.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/detached_overlay.h"
#include "test/tree.h"

namespace {

size_t Descriptors() {
  size_t count = 0;
  DIR* const dir = ::opendir("/proc/self/fd");
  while (::readdir(dir) != nullptr) ++count;  // NOLINT(concurrency-mt-unsafe): a stream of ours
  (void)::closedir(dir);
  return count;
}

std::string ReadAll(int fd) {
  std::string all;
  char block[4096];
  for (ssize_t n = 0; (n = ::read(fd, block, sizeof block)) > 0;) {
    all.append(block, static_cast<size_t>(n));
  }
  return all;
}

// The layers of an overlay, mounted as an ordinary user would, so that the tests need no root.
class Scene {
 public:
  Scene() : tree_(temp_.path()) {
    for (const char* name : {"lower", "upper", "work"}) tree_.Dir(name);
    mounted_ = MountDetached(temp_.path(), Mounter::kRootless, overlay_);
  }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  ~Scene() { (void)::chmod(tree_.Path("work/work").c_str(), 0700); }  // missing where none is

  bool mounted() const { return mounted_; }
  Tree& tree() { return tree_; }

  ovl::SandboxSpec Shell(const std::string& script) const {
    ovl::SandboxSpec spec;
    spec.mounts.push_back({overlay_.mount.get(), tree_.Path("lower")});
    spec.user_namespace = overlay_.user_namespace.get();
    spec.cwd = tree_.Path("lower");
    spec.file = "sh";
    spec.args = {"sh", "-c", script};
    spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    spec.stdio = {ovl::kStdioNull, ovl::kStdioPipe, 2};
    spec.grace = 200;
    return spec;
  }

 private:
  TempDir temp_;
  Tree tree_;
  DetachedOverlay overlay_;
  bool mounted_ = false;
};

// The reports up to the last one: " code N" or " signal N", and " gone".
std::string Reports(int fd) {
  std::string said;
  for (;;) {
    struct pollfd ready = {fd, POLLIN, 0};
    if (::poll(&ready, 1, 20'000) <= 0) return said + " nothing";
    auto report = ovl::ReadReport(fd);
    if (!report.ok()) return said + " " + report.failure().call;
    using Kind = ovl::SandboxReport::Kind;
    if (report.value().kind == Kind::kGone) return said + " gone";
    if (report.value().kind == Kind::kNothing) continue;
    const ovl::ProcessEnd& end = report.value().end;
    said += end.signal == 0 ? " code " + std::to_string(end.code)
                            : " signal " + std::to_string(end.signal);
  }
}

std::string Run(ovl::SandboxSpec spec) {
  auto started = ovl::StartInSandbox(std::move(spec));
  if (!started.ok()) {
    const ovl::Failure& failure = started.failure();
    return std::string(failure.call) + " " + std::to_string(failure.err) + " " + failure.reason;
  }
  const std::string out = ReadAll(started.value().pipes[1].get());
  return out + Reports(started.value().reports.get());
}

}  // namespace

TEST(SandboxHandsTheEndOfAProgramThrough) {
  Scene scene;
  if (!scene.mounted()) return;
  const size_t before = Descriptors();
  CHECK_EQ(Run(scene.Shell("pwd -P; exit 3")), scene.tree().Path("lower") + "\n code 3 gone");
  CHECK_EQ(Run(scene.Shell("kill -9 $$")), " signal 9 gone");
  auto missing = scene.Shell("true");
  missing.file = "no-such-program";
  CHECK_EQ(Run(missing), "execve 2 program-missing");
  auto nowhere = scene.Shell("true");
  nowhere.cwd += "/none";
  CHECK_EQ(Run(nowhere), "chdir 2 view-cwd-missing");
  auto no_place = scene.Shell("true");
  no_place.mounts.push_back({ovl::kViewEmpty, scene.tree().Path("lower/none")});
  CHECK_EQ(Run(no_place), "mount 2 ");
  CHECK_EQ(Descriptors(), before);
  CHECK(::waitpid(-1, nullptr, __WALL | WNOHANG) == -1 && errno == ECHILD);
}

TEST(SandboxEndsWhatAProgramLeavesRunning) {
  Scene scene;
  if (!scene.mounted()) return;
  // Each has the pipe open, so that its end is seen.
  CHECK_EQ(Run(scene.Shell("sleep 1000 & (setsid sleep 1000 &); exit 3")), " code 3 gone");
  CHECK_EQ(Run(scene.Shell("(trap '' TERM; setsid sleep 1000 &); exit 4")), " code 4 gone");
  CHECK_EQ(Run(scene.Shell("sh -c 'kill -STOP $$; sleep 1000' & sleep 0.1; kill -KILL $$")),
           " signal 9 gone");
}

TEST(SandboxEndsWhenItIsLetGoOf) {
  Scene scene;
  if (!scene.mounted()) return;
  auto started = ovl::StartInSandbox(scene.Shell("sleep 1000 & echo there; sleep 1000"));
  if (!CHECK(started.ok())) return;
  char said[6] = {};
  CHECK_EQ(::read(started.value().pipes[1].get(), said, 6), 6);
  started.value().reports.Reset();
  CHECK_EQ(ReadAll(started.value().pipes[1].get()), "");  // everybody who had it is gone

  auto told = ovl::StartInSandbox(
      scene.Shell("trap 'echo tidy; exit 7' TERM; echo; while :; do sleep 0.01; done"));
  if (!CHECK(told.ok())) return;
  CHECK_EQ(::read(told.value().pipes[1].get(), said, 1), 1);
  CHECK(ovl::EndSandbox(told.value().reports.get()).ok());
  CHECK_EQ(ReadAll(told.value().pipes[1].get()), "tidy\n");
  CHECK_EQ(Reports(told.value().reports.get()), " code 7 gone");
  CHECK(ovl::EndSandbox(told.value().reports.get()).ok());
}

// A lock is held as long as anything runs, whatever becomes of us; and the program has none of it.
TEST(SandboxKeepsDescriptorsUntilEverythingHasEnded) {
  Scene scene;
  if (!scene.mounted()) return;
  scene.tree().File("lock");
  const std::string path = scene.tree().Path("lock");
  ovl::UniqueFd lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto locked = ovl::TryLock(lock.get());
  if (!CHECK(locked.ok() && locked.value())) return;
  auto spec = scene.Shell("ls /proc/self/fd; read x");
  spec.stdio[0] = ovl::kStdioPipe;
  spec.kept = {lock.get(), lock.get()};
  auto started = ovl::StartInSandbox(std::move(spec));
  if (!CHECK(started.ok())) return;
  char said[9] = {};
  CHECK_EQ(::read(started.value().pipes[1].get(), said, 8), 8);
  CHECK_EQ(std::string(said), "0\n1\n2\n3\n");
  lock.Reset();
  const ovl::UniqueFd other(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto again = ovl::TryLock(other.get());
  CHECK(again.ok() && !again.value());
  started.value().pipes[0].Reset();
  CHECK_EQ(Reports(started.value().reports.get()), " code 1 gone");
  again = ovl::TryLock(other.get());
  CHECK(again.ok() && again.value());
}

// Whatever a process does that ends, its programs end as well: it is killed at moments that come
// closer and closer to the start.
TEST(SandboxEndsWithItsProcess) {
  Scene scene;
  if (!scene.mounted()) return;
  for (int delay = 4000; delay >= 0; delay -= 250) {
    int ends[2];
    if (!CHECK(::pipe2(ends, O_CLOEXEC) == 0)) return;
    ovl::UniqueFd read_end(ends[0]);
    ovl::UniqueFd write_end(ends[1]);
    auto spec = scene.Shell("(trap '' TERM; setsid sleep 1000 &); sleep 1000");
    spec.stdio[1] = write_end.get();
    const pid_t runner = ::fork();
    if (runner == 0) {
      auto started = ovl::StartInSandbox(std::move(spec));
      for (;;) (void)::pause();
    }
    write_end.Reset();
    (void)::usleep(static_cast<useconds_t>(delay));
    (void)::kill(runner, SIGKILL);
    (void)::waitpid(runner, nullptr, 0);
    struct pollfd all = {read_end.get(), 0, 0};
    CHECK(::poll(&all, 1, 20'000) == 1);  // nobody has the other end any more
  }
}
