#include "test/sandbox_scene.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "test/descriptors.h"

SandboxScene::SandboxScene() : tree_(temp_.path()) {
  for (const char* name : {"lower", "upper", "work"}) tree_.Dir(name);
  mounted_ = MountDetached(temp_.path(), Mounter::kRootless, overlay_);
}

SandboxScene::~SandboxScene() {
  (void)::chmod(tree_.Path("work/work").c_str(), 0700);  // missing where none is
}

ovl::SandboxSpec SandboxScene::Shell(const std::string& script) const {
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

ovl::SandboxSpec SandboxScene::Shell(const std::string& script, int what,
                                     const std::string& at) const {
  auto spec = Shell(script);
  spec.mounts.push_back({what, at});
  return spec;
}

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

std::string RunInSandbox(ovl::SandboxSpec spec) {
  auto started = ovl::StartInSandbox(std::move(spec));
  if (!started.ok()) {
    const ovl::Failure& failure = started.failure();
    return std::string(failure.call) + " " + std::to_string(failure.err) + " " + failure.reason;
  }
  const std::string out = ReadAll(started.value().pipes[1].get());
  return out + Reports(started.value().reports.get());
}

bool EndsWithItsRunner(ovl::SandboxSpec spec, int delay) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  ovl::UniqueFd read_end(ends[0]);
  ovl::UniqueFd write_end(ends[1]);
  spec.stdio[1] = write_end.get();
  const pid_t runner = ::fork();
  if (runner == 0) {
    const auto started = ovl::StartInSandbox(std::move(spec));
    for (;;) (void)(started.ok() && ::pause());
  }
  write_end.Reset();
  (void)::usleep(static_cast<useconds_t>(delay));
  (void)::kill(runner, SIGKILL);
  (void)::waitpid(runner, nullptr, 0);
  struct pollfd all = {read_end.get(), 0, 0};
  return ::poll(&all, 1, 20'000) == 1;  // nobody has the other end any more
}
