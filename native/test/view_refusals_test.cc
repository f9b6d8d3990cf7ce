// Programs that cannot be started on a detached overlay, and what is said of that.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "core/raw_calls.h"
#include "core/view_process.h"
#include "test/check.h"
#include "test/descriptors.h"
#include "test/detached_overlay.h"
#include "test/tree.h"
#include "test/view_scene.h"

namespace {

bool RefusedBody(void* argument) {
  auto& spec = *static_cast<ovl::ViewProcessSpec*>(argument);
  return CHECK_EQ(ViewScene::Run(spec), "open_tree 1 view-not-permitted ");
}

// A user who may not have another process.
bool LimitedBody(void* argument) {
  auto& scene = *static_cast<ViewScene*>(argument);
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

// The limit is that of the overlay's user namespace, and set from inside.
bool ExhaustedBody(void* argument) {
  auto& scene = *static_cast<ViewScene*>(argument);
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

// Files of root, of which the user namespace has no owner: his capabilities there are none over
// them.
bool DeniedBody(void* argument) {
  auto& scene = *static_cast<ViewScene*>(argument);
  if (!scene.Mount()) return false;
  const auto run = [&](const std::string& file) {
    return ViewScene::Run(scene.Spec({scene.tree().Path(file)}));
  };
  const auto said = [&](const char* why, const std::string& file) {
    return std::string("execve 13 ") + why + " " + scene.tree().Path(file);
  };
  bool good = CHECK_EQ(run("theirs"), said("program-of-others", "theirs"));
  return good & CHECK_EQ(run("closed/file"), said("program-unreachable", "closed/file"));
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
  const bool good = CHECK_EQ(ViewScene::Run(spec), "mount 22 root-is-no-mount /");
  ::_exit(good ? 0 : 1);
}

}  // namespace

TEST(ViewSaysWhyAProgramWasNotStarted) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRoot);
  scene.tree().File("lower/denied");
  scene.tree().File("lower/text", "echo\n");
  scene.tree().Mode("lower/text", 0755);
  scene.tree().File("lower/script", "#!/no/such/interpreter\n");
  scene.tree().Mode("lower/script", 0755);
  scene.tree().File("lower/denying", "#!" + scene.Lower() + "/denied\n");
  scene.tree().Mode("lower/denying", 0755);
  if (!scene.Mount()) return;
  const size_t before = Descriptors();
  const auto run = [&](const std::string& file) { return ViewScene::Run(scene.Spec({file})); };
  CHECK_EQ(run("no-such-program"), "execve 2 program-missing no-such-program");
  CHECK_EQ(run("./none"), "execve 2 program-missing ./none");
  CHECK_EQ(run("./file"), "execve 13 program-mode ./file");
  CHECK_EQ(run("."), "execve 13 program-is-directory .");
  CHECK_EQ(run("/dev/null"), "execve 13 program-is-no-file /dev/null");
  CHECK_EQ(run("./denying"), "execve 13 interpreter-denied ./denying");
  const std::string noexec = scene.tree().Path("noexec");
  scene.tree().Dir("noexec");
  if (CHECK(::mount("tmpfs", noexec.c_str(), "tmpfs", MS_NOEXEC, nullptr) == 0)) {
    scene.tree().File("noexec/program");
    scene.tree().Mode("noexec/program", 0755);
    CHECK_EQ(run(noexec + "/program"), "execve 13 program-noexec " + noexec + "/program");
    CHECK(::umount2(noexec.c_str(), MNT_DETACH) == 0);
  }
  CHECK_EQ(run("./text"), "execve 8 program-format ./text");
  CHECK_EQ(run("./script"), "execve 2 interpreter-missing ./script");
  CHECK_EQ(run("./file/none"), "execve 20  ./file/none");
  auto spec = scene.Spec({"true"});
  spec.env = {"PATH=" + scene.Lower() + "/file:" + scene.Lower() + ":/bin"};
  CHECK_EQ(ViewScene::Run(spec), " code 0");
  spec.file = "denied";  // is what is told, whatever comes after it in PATH
  CHECK_EQ(ViewScene::Run(spec), "execve 13 program-mode denied");
  spec.cwd = scene.Lower() + "/none";
  CHECK_EQ(ViewScene::Run(spec), "chdir 2 view-cwd-missing " + spec.cwd);
  CHECK_EQ(Descriptors(), before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD);
}

TEST(ViewSaysWhatIsWrongWithItsPlace) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  auto spec = scene.Spec({"true"});
  const auto at = [&](const std::string& place) {
    spec.at = place;
    return ViewScene::Run(spec);
  };
  CHECK_EQ(at(scene.Lower() + "/none"), "open 2 target-missing " + scene.Lower() + "/none");
  CHECK_EQ(at(scene.Lower() + "/file"),
           "move_mount 20 target-not-directory " + scene.Lower() + "/file");
  CHECK_EQ(at("/"), "move_mount 22 view-at-root /");
  CHECK_EQ(at("/usr/.."), "move_mount 22 view-at-root /usr/..");
  spec.at = scene.Lower();
  spec.mount = 9999;
  CHECK_EQ(ViewScene::Run(spec), "open_tree 9  ");
}

TEST(ViewIsOnlyForWhoMountedTheOverlay) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRoot);
  if (!scene.Mount()) return;
  auto spec = scene.Spec({"true"});
  spec.at = spec.cwd = "/usr";  // where that user gets to
  CHECK(AsOrdinaryUser(RefusedBody, &spec));
}

TEST(ViewSaysWhatOthersMayExecute) {
  if (!HaveRoot()) return;
  ViewScene scene(Mounter::kRootless);
  scene.tree().File("theirs");
  scene.tree().Mode("theirs", 0700);
  scene.tree().File("closed/file");
  scene.tree().Mode("closed", 0700);
  CHECK(AsOrdinaryUser(DeniedBody, &scene));
}

TEST(ViewMeetsTheLimitOfMountNamespaces) {
  ViewScene scene(Mounter::kRootless);
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
  ViewScene scene(Mounter::kRoot);
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
  CHECK_EQ(ViewScene::Run(scene.Spec({"true"})), "open_tree 22 view-not-copied ");
}

TEST(ViewMeetsTheLimitOfProcesses) {
  ViewScene scene(Mounter::kRootless);
  CHECK(AsOrdinaryUser(LimitedBody, &scene));
}
