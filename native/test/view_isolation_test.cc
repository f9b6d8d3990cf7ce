// What is taken away from programs in a sandbox.
#include "core/view_isolation.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "core/sandbox_process.h"
#include "test/check.h"
#include "test/descriptors.h"
#include "test/sandbox_scene.h"

TEST(IsolationHidesDirectoriesAndFiles) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  scene.tree().File("beside/file", "text");
  scene.tree().File("lower/secret", "text");
  const std::string beside = scene.tree().Path("beside");
  auto spec = scene.Shell("ls -A $0; touch $0/x 2>/dev/null || echo no", ovl::kViewHidden, beside);
  spec.args.push_back(beside);
  CHECK_EQ(RunInSandbox(spec), "no\n code 0 gone");
  const std::string look = "stat -c '%F' secret; (echo x >secret) 2>/dev/null || echo no";
  CHECK_EQ(RunInSandbox(scene.Shell(look, ovl::kViewHidden, scene.tree().Path("lower/secret"))),
           "regular empty file\nno\n code 0 gone");
  CHECK_EQ(RunInSandbox(scene.Shell("", ovl::kViewHidden, beside + "/none")),
           "openat2 2 isolated-missing");
}

TEST(IsolationFollowsNoLink) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  scene.tree().File("lower/dir/file", "text");
  scene.tree().Symlink("lower/link", "dir");
  for (const int what : {ovl::kViewNamed, ovl::kViewHidden, ovl::kViewReadOnly, ovl::kViewEmpty}) {
    for (const char* const at : {"lower/link", "lower/link/file", "lower/link/."}) {
      CHECK_EQ(RunInSandbox(scene.Shell("", what, scene.tree().Path(at))),
               "openat2 40 isolated-link");
    }
  }
  CHECK_EQ(RunInSandbox(scene.Shell("", ovl::kViewNamed, scene.tree().Path("lower/dir/."))),
           " code 0 gone");
}

TEST(IsolationMakesPathsReadOnly) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  scene.tree().File("lower/dir/file", "text");
  scene.tree().File("lower/other", "text");
  const std::string script =
      "for f in dir/x dir/file other x; do (echo x >$f) 2>/dev/null && echo $f; done; cat dir/file";
  const auto run = [&](const char* at) {
    return RunInSandbox(scene.Shell(script, ovl::kViewReadOnly, at));
  };
  CHECK_EQ(run(scene.tree().Path("lower/dir").c_str()), "other\nx\ntext code 0 gone");
  CHECK_EQ(run(scene.tree().Path("lower/dir/file").c_str()), "dir/x\nother\nx\ntext code 0 gone");
  CHECK_EQ(run(scene.tree().Path("lower").c_str()), "text code 0 gone");
  CHECK_EQ(run("/"), "text code 0 gone");
}

// The kernel does not say so twice: a directory in memory is sealed once others lie in it.
TEST(IsolationLeavesRoomInWhatIsHidden) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  scene.tree().File("lower/file", "text");
  scene.tree().File("beside");
  const std::string base = scene.tree().Path("lower/..");
  auto spec = scene.Shell("cat file; ls -A $0; touch x && touch $0/x 2>/dev/null || echo no");
  spec.args.push_back(base);
  const ovl::SandboxMount overlay = spec.mounts[0];
  spec.mounts = {{ovl::kViewHollow, base}, {ovl::kViewDirectory, overlay.at}};
  spec.mounts.push_back({ovl::kViewReadOnly, base});
  spec.mounts.push_back(overlay);
  // Of a path through what is hidden there is nothing left to go through.
  spec.mounts[0].at = spec.mounts[2].at = overlay.at.substr(0, overlay.at.rfind('/'));
  spec.args.back() = spec.mounts[0].at;
  CHECK_EQ(RunInSandbox(spec), "textlower\nno\n code 0 gone");
}

TEST(IsolationLeavesTheNetwork) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  auto spec = scene.Shell("sed -n 's/ *\\([^:]*\\):.*/\\1/p' /proc/net/dev; exit 3");
  spec.network = false;
  CHECK_EQ(RunInSandbox(spec), "lo\n code 3 gone");
}

TEST(IsolationInAPidNamespace) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  const size_t before = Descriptors();
  const auto run = [&](const std::string& script) {
    return RunInSandbox(scene.Shell(script, ovl::kViewProc, "/proc"));
  };
  CHECK_EQ(run("echo $$; cd /proc && echo [0-9]*; exit 3"), "2\n1 2\n code 3 gone");
  CHECK_EQ(run("kill -9 $$"), " signal 9 gone");
  CHECK_EQ(run("kill -9 1; echo still"), "still\n code 0 gone");
  CHECK_EQ(run("sleep 1000 & (setsid sleep 1000 &); exit 3"), " code 3 gone");
  CHECK_EQ(run("(trap '' TERM; setsid sleep 1000 &); exit 4"), " code 4 gone");
  // What is left to the first process does not stay as a zombie.
  CHECK_EQ(run("(true & exec true); sleep 0.1; grep -l '^State:.Z' /proc/[0-9]*/status; echo"),
           "\n code 0 gone");
  auto missing = scene.Shell("", ovl::kViewProc, "/proc");
  missing.file = "no-such-program";
  CHECK_EQ(RunInSandbox(missing), "execve 2 program-missing");
  CHECK_EQ(Descriptors(), before);
  CHECK(::waitpid(-1, nullptr, __WALL | WNOHANG) == -1 && errno == ECHILD);
}

TEST(IsolationNumbersAProgramAsWeDo) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  auto started =
      ovl::StartInSandbox(scene.Shell("kill -TERM 1; sleep 1000", ovl::kViewProc, "/proc"));
  if (!CHECK(started.ok())) return;
  CHECK(::kill(started.value().pid, 0) == 0 && started.value().pid > 2);
  // SIGTERM to the first process ends everything, as it does to a supervisor.
  CHECK_EQ(Reports(started.value().reports.get()), " signal 15 gone");
}

// As without a namespace: at moments that come closer and closer to the start.
TEST(IsolationEndsWithItsProcess) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  for (int delay = 6000; delay >= 0; delay -= 250) {
    CHECK(EndsWithItsRunner(
        scene.Shell("(trap '' TERM; setsid sleep 1000 &); sleep 1000", ovl::kViewProc, "/proc"),
        delay));
  }
}

TEST(IsolationSaysWhyNot) {
  SandboxScene scene;
  if (!scene.mounted()) return;
  const auto run = [&](int what, const std::string& at) {
    return RunInSandbox(scene.Shell("", what, at));
  };
  CHECK_EQ(run(ovl::kViewEmpty, "/proc/none"), "openat2 2 isolated-missing");
  CHECK_EQ(run(ovl::kViewReadOnly, scene.tree().Path("none")), "openat2 2 isolated-missing");
  CHECK_EQ(run(ovl::kViewProc, scene.tree().Path("none")), "mount 2 proc-missing");
  CHECK_EQ(run(ovl::kViewDirectory, scene.tree().Path("none/none")), "mkdir 2 isolated-missing");
}
