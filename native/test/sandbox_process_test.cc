// Programs under a supervisor, on real detached overlays.
#include "core/sandbox_process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "core/sys_lock.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/descriptors.h"
#include "test/sandbox_scene.h"

TEST(SandboxHandsTheEndOfAProgramThrough) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  const size_t before = Descriptors();
  CHECK_EQ(RunInSandbox(scene.Shell("pwd -P; exit 3")),
           scene.tree().Path("lower") + "\n code 3 gone");
  CHECK_EQ(RunInSandbox(scene.Shell("kill -9 $$")), " signal 9 gone");
  auto missing = scene.Shell("true");
  missing.file = "no-such-program";
  CHECK_EQ(RunInSandbox(missing), "execve 2 program-missing");
  auto nowhere = scene.Shell("true");
  nowhere.cwd += "/none";
  CHECK_EQ(RunInSandbox(nowhere), "chdir 2 view-cwd-missing");
  auto no_place = scene.Shell("true");
  no_place.mounts.push_back({ovl::kViewEmpty, scene.tree().Path("lower/none")});
  CHECK_EQ(RunInSandbox(no_place), "openat2 2 isolated-missing");
  CHECK_EQ(Descriptors(), before);
  CHECK(::waitpid(-1, nullptr, __WALL | WNOHANG) == -1 && errno == ECHILD);
}

TEST(SandboxEndsWhatAProgramLeavesRunning) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  // Each has the pipe open, so that its end is seen.
  CHECK_EQ(RunInSandbox(scene.Shell("sleep 1000 & (setsid sleep 1000 &); exit 3")), " code 3 gone");
  CHECK_EQ(RunInSandbox(scene.Shell("(trap '' TERM; setsid sleep 1000 &); exit 4")),
           " code 4 gone");
  CHECK_EQ(
      RunInSandbox(scene.Shell("sh -c 'kill -STOP $$; sleep 1000' & sleep 0.1; kill -KILL $$")),
      " signal 9 gone");
}

TEST(SandboxEndsWhenItIsLetGoOf) {
  SandboxScene scene;
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
  SandboxScene scene;
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
  SandboxScene scene;
  if (!scene.mounted()) return;
  for (int delay = 4000; delay >= 0; delay -= 250) {
    CHECK(EndsWithItsRunner(scene.Shell("(trap '' TERM; setsid sleep 1000 &); sleep 1000"), delay));
  }
}
