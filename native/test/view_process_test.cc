// Programs on real detached overlays, as root and as an ordinary user.
#include "core/view_process.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

#include "core/sys_pidfd.h"
#include "test/check.h"
#include "test/descriptors.h"
#include "test/detached_overlay.h"
#include "test/tree.h"
#include "test/view_scene.h"

namespace {

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool SeesRealPath(ViewScene& scene) {
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
  return good & CHECK_EQ(ViewScene::Run(elsewhere), lower + "/dir\n code 0");
}

bool LeavesNothing(ViewScene& scene) {
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
  ViewScene& scene = *static_cast<ViewScene*>(argument);
  if (!scene.Mount()) return false;
  const std::string user = std::to_string(::geteuid());
  bool good = SeesRealPath(scene) & LeavesNothing(scene);
  good &= CHECK_EQ(scene.Shell("id -u; id -g; grep CapEff /proc/self/status; stat -c %u file"),
                   user + "\n" + std::to_string(::getegid()) + "\nCapEff:\t0000000000000000\n" +
                       user + "\n code 0");
  return good;
}

}  // namespace

TEST(ViewShowsADetachedOverlayAtARealPath) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  SeesRealPath(scene);
  LeavesNothing(scene);
}

TEST(ViewOfARootlessOverlay) {
  ViewScene scene(Mounter::kRootless);
  CHECK(AsOrdinaryUser(RootlessBody, &scene));
}

TEST(ViewProgramHasOrdinarySignalsAndNoDescriptorsOfOurs) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  const ovl::UniqueFd leaky(::open("/", O_RDONLY));  // NOLINT(android-cloexec-open): so it is meant
  sigset_t some;
  sigset_t before;
  (void)sigemptyset(&some);
  (void)sigaddset(&some, SIGTERM);
  (void)pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  // Not in a shell, which sees to some of it itself.
  CHECK_EQ(ViewScene::Run(scene.Spec({"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"})),
           "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n code 0");
  // The last is what ls reads.
  CHECK_EQ(ViewScene::Run(scene.Spec({"ls", "/proc/self/fd"})), "0\n1\n2\n3\n code 0");
  (void)std::signal(SIGPIPE, handler);
  sigset_t now;
  (void)pthread_sigmask(SIG_SETMASK, &before, &now);
  CHECK(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 0);
}

// Of the program 1 is our 2, and 2 our 1.
TEST(ViewStdioMayBeExchanged) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRoot);
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
    ran = ViewScene::Run(spec);
    (void)::dup2(out.get(), 1);
    (void)::dup2(err.get(), 2);
  }
  CHECK_EQ(ran, " code 0");
  CHECK_EQ(ReadFile(scene.tree().Path("one")), "err\n");
  CHECK_EQ(ReadFile(scene.tree().Path("two")), "out\n");
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
  CHECK_EQ(ViewScene::Run(spec), "here\n code 0");
  CHECK(::umount2(late.c_str(), 0) == 0);
}

// Else a filesystem stays in use for as long as a program runs that has nothing to do with it.
TEST(ViewLetsGoOfWhatIsUnmountedOutside) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRoot);
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
    CHECK_EQ(ViewScene::Run(spec), " code 0");
  }
}
