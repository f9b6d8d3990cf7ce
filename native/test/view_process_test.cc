// Programs on real detached overlays, as root and as an ordinary user.
#include "core/view_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/raw_calls.h"
#include "core/sys_pidfd.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/descriptors.h"
#include "test/detached_overlay.h"
#include "test/tree.h"

namespace {

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The layers of an overlay, and what is asked of it.
class Scene {
 public:
  explicit Scene(Mounter mounter) : mounter_(mounter), tree_(temp_.path()) {
    for (const char* name : {"lower", "upper", "work"}) tree_.Dir(name);
    tree_.File("lower/file", "below\n");
    tree_.Dir("lower/dir");
    if (mounter == Mounter::kRootless && ::geteuid() == 0) {
      for (const char* name : {"", "lower", "upper", "work", "lower/file", "lower/dir"}) {
        CHECK(::chown(tree_.Path(name).c_str(), kOrdinaryUser, kOrdinaryUser) == 0);
      }
    }
  }

  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  ~Scene() {
    // The kernel leaves it without permissions, and an ordinary user could not remove it. Missing
    // where nothing was mounted.
    (void)::chmod(tree_.Path("work/work").c_str(), 0700);
  }

  bool Mount() { return MountDetached(temp_.path(), mounter_, overlay_); }
  DetachedOverlay& overlay() { return overlay_; }
  Tree& tree() { return tree_; }
  std::string Lower() const { return tree_.Path("lower"); }

  ovl::ViewProcessSpec Spec(std::vector<std::string> args) const {
    ovl::ViewProcessSpec spec;
    spec.mount = overlay_.mount.get();
    spec.user_namespace = overlay_.user_namespace.get();
    spec.at = spec.cwd = Lower();
    spec.file = args.front();
    spec.args = std::move(args);
    spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    spec.stdio = {ovl::kStdioNull, ovl::kStdioPipe, 2};
    return spec;
  }

  // What it printed, then " code N" or " signal N", or the failure.
  static std::string Run(const ovl::ViewProcessSpec& spec) {
    auto started = ovl::StartInView(spec);
    if (!started.ok()) {
      const ovl::Failure& failure = started.failure();
      return std::string(failure.call) + " " + std::to_string(failure.err) + " " + failure.reason +
             " " + failure.path + failure.dest;
    }
    std::string out;
    if (started.value().pipes[1]) out = ReadAll(started.value().pipes[1].get());
    auto end = ovl::WaitPidfd(started.value().pidfd.get(), ovl::Waiting::kYes);
    if (!end.ok() || !end.value()) return out + " not waited for";
    const ovl::ProcessEnd& how = *end.value();
    return out + (how.signal == 0 ? " code " + std::to_string(how.code)
                                  : " signal " + std::to_string(how.signal));
  }
  std::string Shell(const std::string& script) const { return Run(Spec({"sh", "-c", script})); }

 private:
  Mounter mounter_;
  TempDir temp_;
  Tree tree_;
  DetachedOverlay overlay_;
};

bool SeesRealPath(Scene& scene) {
  const std::string lower = scene.Lower();
  bool good = CHECK_EQ(scene.Shell("pwd -P; realpath dir; cat file; echo new > dir/new"),
                       lower + "\n" + lower + "/dir\nbelow\n code 0");
  good &= CHECK_EQ(ReadFile(scene.tree().Path("upper/dir/new")), "new\n");
  good &= CHECK_EQ(ReadFile(lower + "/dir/new"), "");
  // The next one sees it, and our namespace knows nothing of any.
  good &= CHECK_EQ(scene.Shell("cat dir/new"), "new\n code 0");
  good &= CHECK(ReadFile("/proc/self/mountinfo").find(lower) == std::string::npos);
  auto elsewhere = scene.Spec({"pwd", "-P"});
  elsewhere.cwd = lower + "/dir/.";
  return good & CHECK_EQ(Scene::Run(elsewhere), lower + "/dir\n code 0");
}

bool LeavesNothing(Scene& scene) {
  const size_t before = Descriptors();
  const int dumpable = ::prctl(PR_GET_DUMPABLE);
  for (int i = 0; i < 10; ++i) {
    if (!CHECK_EQ(scene.Shell("exit 3"), " code 3")) return false;
    if (!CHECK(scene.Shell("kill -9 $$") == " signal 9")) return false;
  }
  // The child that joins a user namespace has our memory, whose attribute this is.
  return CHECK_EQ(::prctl(PR_GET_DUMPABLE), dumpable) & CHECK_EQ(Descriptors(), before);
}

bool RootlessBody(void* argument) {
  Scene& scene = *static_cast<Scene*>(argument);
  if (!scene.Mount()) return false;
  const std::string user = std::to_string(::geteuid());
  bool good = SeesRealPath(scene) & LeavesNothing(scene);
  good &= CHECK_EQ(scene.Shell("id -u; id -g; grep CapEff /proc/self/status; stat -c %u file"),
                   user + "\n" + std::to_string(::getegid()) + "\nCapEff:\t0000000000000000\n" +
                       user + "\n code 0");
  return good;
}

bool HaveRoot() {
  if (ovl::CanReadTrustedXattrs()) return true;
  check::Skip("needs root");
  return false;
}

}  // namespace

TEST(ViewShowsADetachedOverlayAtARealPath) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  SeesRealPath(scene);
  LeavesNothing(scene);
}

TEST(ViewOfARootlessOverlay) {
  Scene scene(Mounter::kRootless);
  CHECK(AsOrdinaryUser(RootlessBody, &scene));
}

TEST(ViewProgramHasOrdinarySignalsAndNoDescriptorsOfOurs) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  const ovl::UniqueFd leaky(::open("/", O_RDONLY));  // NOLINT(android-cloexec-open): so it is meant
  sigset_t some;
  sigset_t before;
  (void)sigemptyset(&some);
  (void)sigaddset(&some, SIGTERM);
  (void)pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  // Not in a shell, which sees to some of it itself.
  CHECK_EQ(Scene::Run(scene.Spec({"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"})),
           "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n code 0");
  // The last is what ls reads.
  CHECK_EQ(Scene::Run(scene.Spec({"ls", "/proc/self/fd"})), "0\n1\n2\n3\n code 0");
  (void)std::signal(SIGPIPE, handler);
  sigset_t now;
  (void)pthread_sigmask(SIG_SETMASK, &before, &now);
  CHECK(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 0);
}

// Of the program 1 is our 2, and 2 our 1.
TEST(ViewStdioMayBeExchanged) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  scene.tree().File("one");
  scene.tree().File("two");
  if (!scene.Mount()) return;
  auto spec = scene.Spec({"sh", "-c", "echo out; echo err >&2"});
  spec.stdio = {ovl::kStdioNull, 2, 1};
  std::string ran;
  {
    const ovl::UniqueFd one(::open(scene.tree().Path("one").c_str(), O_WRONLY | O_CLOEXEC));
    const ovl::UniqueFd two(::open(scene.tree().Path("two").c_str(), O_WRONLY | O_CLOEXEC));
    const ovl::UniqueFd out(::fcntl(1, F_DUPFD_CLOEXEC, 3));
    const ovl::UniqueFd err(::fcntl(2, F_DUPFD_CLOEXEC, 3));
    (void)::dup2(one.get(), 1);
    (void)::dup2(two.get(), 2);
    ran = Scene::Run(spec);
    (void)::dup2(out.get(), 1);
    (void)::dup2(err.get(), 2);
  }
  CHECK_EQ(ran, " code 0");
  CHECK_EQ(ReadFile(scene.tree().Path("one")), "err\n");
  CHECK_EQ(ReadFile(scene.tree().Path("two")), "out\n");
}

TEST(ViewSaysWhyAProgramWasNotStarted) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  scene.tree().File("lower/denied");
  scene.tree().File("lower/text", "echo\n");
  scene.tree().Mode("lower/text", 0755);
  scene.tree().File("lower/script", "#!/no/such/interpreter\n");
  scene.tree().Mode("lower/script", 0755);
  if (!scene.Mount()) return;
  const size_t before = Descriptors();
  const auto run = [&](const std::string& file) { return Scene::Run(scene.Spec({file})); };
  CHECK_EQ(run("no-such-program"), "execve 2 program-missing no-such-program");
  CHECK_EQ(run("./none"), "execve 2 program-missing ./none");
  CHECK_EQ(run("./file"), "execve 13 program-not-executable ./file");
  CHECK_EQ(run("./text"), "execve 8 program-format ./text");
  CHECK_EQ(run("./script"), "execve 2 interpreter-missing ./script");
  CHECK_EQ(run("./file/none"), "execve 20  ./file/none");
  auto spec = scene.Spec({"true"});
  spec.env = {"PATH=" + scene.Lower() + "/file:" + scene.Lower() + ":/bin"};
  CHECK_EQ(Scene::Run(spec), " code 0");
  spec.file = "denied";  // is what is told, whatever comes after it in PATH
  CHECK_EQ(Scene::Run(spec), "execve 13 program-not-executable denied");
  spec.cwd = scene.Lower() + "/none";
  CHECK_EQ(Scene::Run(spec), "chdir 2 view-cwd-missing " + spec.cwd);
  CHECK_EQ(Descriptors(), before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD);
}

TEST(ViewSaysWhatIsWrongWithItsPlace) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  auto spec = scene.Spec({"true"});
  const auto at = [&](const std::string& place) {
    spec.at = place;
    return Scene::Run(spec);
  };
  CHECK_EQ(at(scene.Lower() + "/none"), "open 2 target-missing " + scene.Lower() + "/none");
  CHECK_EQ(at(scene.Lower() + "/file"),
           "move_mount 20 target-not-directory " + scene.Lower() + "/file");
  CHECK_EQ(at("/"), "move_mount 22 view-at-root /");
  CHECK_EQ(at("/usr/.."), "move_mount 22 view-at-root /usr/..");
  spec.at = scene.Lower();
  spec.mount = 9999;
  CHECK_EQ(Scene::Run(spec), "open_tree 9  ");
}

// As of now, and not as of when the overlay was mounted.
TEST(ViewHasWhatWasMountedAfterTheOverlay) {
  if (!HaveRoot()) return;
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"lower", "upper", "work", "late"}) tree.Dir(name);
  DetachedOverlay overlay;
  if (!MountDetached(temp.path(), Mounter::kRootless, overlay)) return;
  const std::string late = tree.Path("late");
  if (!CHECK(::mount("none", late.c_str(), "tmpfs", 0, "size=64k") == 0)) return;
  tree.File("late/here");
  ovl::ViewProcessSpec spec;
  spec.mount = overlay.mount.get();
  spec.user_namespace = overlay.user_namespace.get();
  spec.at = tree.Path("lower");
  spec.cwd = "/";
  spec.file = "ls";
  spec.args = {"ls", late};
  spec.stdio = {ovl::kStdioNull, ovl::kStdioPipe, 2};
  CHECK_EQ(Scene::Run(spec), "here\n code 0");
  CHECK(::umount2(late.c_str(), 0) == 0);
}

// Else a filesystem stays in use for as long as a program runs that has nothing to do with it.
TEST(ViewLetsGoOfWhatIsUnmountedOutside) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  scene.tree().Dir("shared");
  scene.tree().Dir("shared/inner");
  const std::string shared = scene.tree().Path("shared");
  if (!scene.Mount() || !CHECK(::mount("none", shared.c_str(), "tmpfs", 0, "size=64k") == 0))
    return;
  CHECK(::mount(nullptr, shared.c_str(), nullptr, MS_SHARED, nullptr) == 0);
  const std::string inner = shared + "/inner";
  CHECK(::mkdir(inner.c_str(), 0755) == 0);
  CHECK(::mount("none", inner.c_str(), "tmpfs", 0, "size=64k") == 0);
  auto spec =
      scene.Spec({"sh", "-c", "mountpoint -q $0 && echo is; read x; mountpoint -q $0", inner});
  spec.stdio[0] = ovl::kStdioPipe;
  auto started = ovl::StartInView(spec);
  if (!CHECK(started.ok())) return;
  char said[4] = {};
  CHECK_EQ(::read(started.value().pipes[1].get(), said, 3), 3);
  CHECK(::umount2(inner.c_str(), 0) == 0);
  started.value().pipes[0].Reset();
  auto end = ovl::WaitPidfd(started.value().pidfd.get(), ovl::Waiting::kYes);
  CHECK(end.ok() && end.value() && end.value()->code == 32);  // mountpoint(1): it is none
  CHECK(::umount2(shared.c_str(), 0) == 0);
}

namespace {

bool RefusedBody(void* argument) {
  auto& spec = *static_cast<ovl::ViewProcessSpec*>(argument);
  return CHECK_EQ(Scene::Run(spec), "open_tree 1 view-not-permitted ");
}

// A user who may not have another process.
bool LimitedBody(void* argument) {
  auto& scene = *static_cast<Scene*>(argument);
  if (!scene.Mount()) return false;
  struct rlimit before {};
  struct rlimit limit {};
  if (!CHECK(::getrlimit(RLIMIT_NPROC, &before) == 0)) return false;
  limit.rlim_cur = 0;
  limit.rlim_max = before.rlim_max;
  bool good = CHECK(::setrlimit(RLIMIT_NPROC, &limit) == 0);
  good &= CHECK_EQ(scene.Shell("exit 0"), "clone 11 process-limit ");
  return good & CHECK(::setrlimit(RLIMIT_NPROC, &before) == 0);
}

}  // namespace

TEST(ViewIsOnlyForWhoMountedTheOverlay) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  auto spec = scene.Spec({"true"});
  spec.at = spec.cwd = "/usr";  // where that user gets to
  CHECK(AsOrdinaryUser(RefusedBody, &spec));
}

namespace {

// The limit is that of the overlay's user namespace, and set from inside.
bool ExhaustedBody(void* argument) {
  auto& scene = *static_cast<Scene*>(argument);
  if (!scene.Mount()) return false;
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setns(scene.overlay().user_namespace.get(), CLONE_NEWUSER) != 0) ::_exit(1);
    std::ofstream limit("/proc/sys/user/max_mnt_namespaces");
    limit << "0" << std::flush;
    ::_exit(limit.good() ? 0 : 1);
  }
  int status = -1;
  bool good = CHECK_EQ(::waitpid(pid, &status, 0), pid) && CHECK_EQ(status, 0);
  return good &&
         CHECK_EQ(scene.Shell("exit 0"), "unshare 28 mount-namespaces-exhausted mount namespace");
}

// Ends in a root directory that is no mount point.
void BeInChroot(const std::string& root) {
  if (!CHECK(::chroot(root.c_str()) == 0 && ::chdir("/") == 0)) ::_exit(1);
  DetachedOverlay overlay;
  if (!MountDetached("", Mounter::kRoot, overlay)) ::_exit(1);
  ovl::ViewProcessSpec spec;
  spec.mount = overlay.mount.get();
  spec.at = "/lower";
  spec.cwd = "/";
  spec.file = "/true";
  spec.args = {"true"};
  spec.stdio = {2, 2, 2};
  const bool good = CHECK_EQ(Scene::Run(spec), "mount 22 root-is-no-mount /");
  ::_exit(good ? 0 : 1);
}

}  // namespace

TEST(ViewMeetsTheLimitOfMountNamespaces) {
  Scene scene(Mounter::kRootless);
  CHECK(AsOrdinaryUser(ExhaustedBody, &scene));
}

TEST(ViewInAChroot) {
  if (!HaveRoot()) return;
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"lower", "upper", "work"}) tree.Dir(name);
  const pid_t pid = ::fork();
  if (pid == 0) BeInChroot(temp.path());
  int status = -1;
  CHECK(::waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(ViewOfAnOverlayThatIsGone) {
  if (!HaveRoot()) return;
  Scene scene(Mounter::kRoot);
  scene.tree().Dir("place");
  if (!scene.Mount()) return;
  const std::string place = scene.tree().Path("place");
  if (!CHECK(ovl::raw::MoveMount(scene.overlay().mount.get(), "", AT_FDCWD, place.c_str(), 4) ==
             0)) {
    return;
  }
  // Attached it can still be copied,
  CHECK_EQ(scene.Shell("cat file"), "below\n code 0");
  CHECK(::umount2(place.c_str(), MNT_DETACH) == 0);
  // and unmounted it cannot.
  CHECK_EQ(Scene::Run(scene.Spec({"true"})), "open_tree 22 view-not-copied ");
}

TEST(ViewMeetsTheLimitOfProcesses) {
  Scene scene(Mounter::kRootless);
  CHECK(AsOrdinaryUser(LimitedBody, &scene));
}

// Who waited for the program may mount its upper again: nothing of the view is left behind it.
TEST(ViewIsGoneWithItsProgram) {
  if (!HaveRoot()) return;
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"lower", "upper", "work"}) tree.Dir(name);
  for (int i = 0; i < 20; ++i) {
    DetachedOverlay overlay;
    if (!MountDetached(temp.path(), Mounter::kRoot, overlay, "index=on")) return;
    ovl::ViewProcessSpec spec;
    spec.mount = overlay.mount.get();
    spec.at = spec.cwd = tree.Path("lower");
    spec.args = {"true"};
    spec.file = "true";
    CHECK_EQ(Scene::Run(spec), " code 0");
  }
}
