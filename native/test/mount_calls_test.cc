// What only threads and filters of our own can show: that the older calls stand in for the newer
// ones, and that nobody sees a mount before it is complete.
#include "core/mount_calls.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "core/raw_calls.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

using Body = std::function<void()>;

// In a thread of its own: its namespace, what is mounted in it, and its filters go when it ends.
void InOwnMounts(const Body& body) {
  const auto run = [](void* argument) -> void* {
    if (::unshare(CLONE_NEWNS) != 0) {
      check::Skip("needs a mount namespace of its own");
      return nullptr;
    }
    if (!CHECK(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0)) return nullptr;
    (*static_cast<const Body*>(argument))();
    return nullptr;
  };
  pthread_t thread{};
  if (!CHECK(::pthread_create(&thread, nullptr, run, const_cast<Body*>(&body)) == 0)) return;
  (void)::pthread_join(thread, nullptr);
}

// Lets the calling thread have `error` for these calls, as a container's seccomp profile does.
bool Forbid(std::initializer_list<long> calls, int error) {
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const long call : calls) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

unsigned long FlagsOf(const std::string& path) {
  struct statvfs fs {};
  CHECK_EQ(::statvfs(path.c_str(), &fs), 0);
  return fs.f_flag;
}

bool IsMountRoot(const std::string& path) {
  auto fd = ovl::OpenPath(path);
  if (!CHECK(fd.ok())) return false;
  auto identity = ovl::IdentifyMount(fd.value().get());
  return CHECK(identity.ok()) && identity.value().root;
}

std::string ReasonOf(const ovl::Status& status) {
  return status.ok() ? "" : status.failure().reason;
}

// Every operation, by whatever interface is there.
void CheckAllOperations(const Tree& tree) {
  ovl::TmpfsSpec tmpfs;
  tmpfs.target = tree.Path("tmpfs");
  tmpfs.size = 65536;
  tmpfs.change.set = ovl::kAttrNosuid | ovl::kAttrNodev;
  auto made = ovl::MountTmpfs(tmpfs);
  if (!CHECK(made.ok())) return;
  CHECK_EQ(FlagsOf(tmpfs.target) & (ST_NOSUID | ST_NODEV | ST_RDONLY), ST_NOSUID | ST_NODEV);

  ovl::BindSpec bind;
  bind.source = tmpfs.target;
  bind.target = tree.Path("target");
  bind.change.set = ovl::kAttrReadOnly;
  made = ovl::BindMount(bind);
  if (!CHECK(made.ok())) return;
  CHECK_EQ(FlagsOf(bind.target) & (ST_NOSUID | ST_NODEV | ST_RDONLY),
           ST_NOSUID | ST_NODEV | ST_RDONLY);

  ovl::ChangeSpec change;
  change.target = bind.target;
  change.change.clear = ovl::kAttrReadOnly | ovl::kAttrNodev;
  CHECK(ovl::ChangeMount(change).ok());
  CHECK_EQ(FlagsOf(bind.target) & (ST_NOSUID | ST_NODEV | ST_RDONLY), ST_NOSUID);

  ovl::MoveSpec move;
  move.source = bind.target;
  move.target = tree.Path("place");
  CHECK(ovl::MoveMountPoint(move).ok());
  CHECK(!IsMountRoot(bind.target));
  CHECK(IsMountRoot(move.target));
  CHECK(ovl::Umount(move.target, 0).ok());
  CHECK(ovl::Umount(tmpfs.target, 0).ok());
}

void CheckForbidden(std::initializer_list<long> calls, int error) {
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"tmpfs", "target", "place"}) tree.Dir(name);
  InOwnMounts([&] {
    CHECK(ovl::HaveMountCalls());
    if (!CHECK(Forbid(calls, error))) return;
    CHECK(!ovl::HaveMountCalls());
    CheckAllOperations(tree);
    // Who insists is told.
    ovl::MoveSpec move;
    move.source = tree.Path("tmpfs");
    move.target = tree.Path("target");
    move.interface = ovl::MountInterface::kFsopen;
    auto moved = ovl::MoveMountPoint(move);
    if (calls.size() > 1) CHECK_EQ(ReasonOf(moved), "no-mount-calls");
    move.interface = ovl::MountInterface::kAuto;
    move.beneath = true;
    CHECK_EQ(ReasonOf(ovl::MoveMountPoint(move)), "no-beneath");
    CHECK(!IsMountRoot(tree.Path("target")));
  });
}

}  // namespace

TEST(MountCallsByDescriptor) {
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"tmpfs", "target", "place"}) tree.Dir(name);
  InOwnMounts([&] {
    // mount(2) forbidden: what works then needs no help from it.
    if (!CHECK(Forbid({SYS_mount}, EPERM))) return;
    CheckAllOperations(tree);
  });
}

TEST(MountCallsWhereSeccompForbidsTheNewerOnes) {
  for (const int error : {EPERM, ENOSYS}) {
    CheckForbidden(
        {ovl::raw::kOpenTree, ovl::raw::kMoveMount, ovl::raw::kFsopen, ovl::raw::kFsconfig,
         ovl::raw::kFsmount, ovl::raw::kFspick, ovl::raw::kMountSetattr},
        error);
  }
}

// A profile may know those of Linux 5.2 and not the one of 5.12.
TEST(MountCallsWhereSeccompForbidsTheNewestOne) {
  CheckForbidden({ovl::raw::kMountSetattr}, EPERM);
}

TEST(BindMountThatCannotHaveItsAttributesIsTakenOffAgain) {
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"source", "source/below", "target"}) tree.Dir(name);
  InOwnMounts([&] {
    // A mount that another covers is reached by no path, so mount(2) cannot make it read-only.
    const std::string below = tree.Path("source/below");
    for (int i = 0; i < 2; ++i) {
      if (!CHECK(::mount("none", below.c_str(), "tmpfs", 0, "size=64k") == 0)) return;
    }
    ovl::BindSpec bind;
    bind.source = tree.Path("source");
    bind.target = tree.Path("target");
    bind.recursive = true;
    bind.change.set = ovl::kAttrReadOnly;
    bind.interface = ovl::MountInterface::kMount;
    auto made = ovl::BindMount(bind);
    if (CHECK(!made.ok())) {
      CHECK_EQ(std::string(made.failure().reason), "covered");
      CHECK_EQ(made.failure().err, EBUSY);
    }
    CHECK(!IsMountRoot(bind.target));
    bind.interface = ovl::MountInterface::kFsopen;
    CHECK(ovl::BindMount(bind).ok());
    for (const char* name : {"target", "target/below"}) {
      CHECK((FlagsOf(tree.Path(name)) & ST_RDONLY) != 0);
      if (name != std::string("target"))
        CHECK_EQ(::umount2(tree.Path(name).c_str(), MNT_DETACH), 0);
    }
    CHECK((FlagsOf(tree.Path("target/below")) & ST_RDONLY) != 0);  // the covered one
  });
}

TEST(MountCallsWithoutProc) {
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"source", "target"}) tree.Dir(name);
  InOwnMounts([&] {
    ovl::TmpfsSpec tmpfs;
    tmpfs.target = tree.Path("source");
    if (!CHECK(ovl::MountTmpfs(tmpfs).ok())) return;
    if (::umount2("/proc", MNT_DETACH) != 0) return check::Skip("cannot unmount /proc");
    for (const auto interface : {ovl::MountInterface::kMount, ovl::MountInterface::kFsopen}) {
      ovl::BindSpec bind;
      bind.source = tree.Path("source");
      bind.target = tree.Path("target");
      bind.interface = interface;
      auto made = ovl::BindMount(bind);
      CHECK(!made.ok() && made.failure().reason == std::string("no-proc"));
      CHECK(!IsMountRoot(bind.target));
    }
    ovl::ChangeSpec change;
    change.target = tree.Path("source");
    change.change.set = ovl::kAttrNodev;
    change.interface = ovl::MountInterface::kMount;
    CHECK_EQ(ReasonOf(ovl::ChangeMount(change)), "no-proc");
    ovl::MoveSpec move;
    move.source = tree.Path("source");
    move.target = tree.Path("target");
    move.interface = ovl::MountInterface::kMount;
    CHECK_EQ(ReasonOf(ovl::MoveMountPoint(move)), "no-proc");
    // With descriptors nothing needs it.
    change.interface = move.interface = ovl::MountInterface::kFsopen;
    CHECK(ovl::ChangeMount(change).ok());
    CHECK(ovl::MoveMountPoint(move).ok());
    CHECK(IsMountRoot(move.target));
  });
}

TEST(MountCallsPastTheLimitOfMounts) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("here");
  InOwnMounts([&] {
    ovl::TmpfsSpec tmpfs;
    tmpfs.target = tree.Path("here");
    if (!CHECK(ovl::MountTmpfs(tmpfs).ok())) return;
    tree.Dir("here/again");
    ovl::BindSpec twice;
    twice.source = tree.Path("here");
    twice.target = tree.Path("here/again");
    twice.recursive = true;
    // Each doubles the number of mounts; /proc/sys/fs/mount-max is 100000 by default.
    for (int i = 0; i < 20; ++i) {
      auto made = ovl::BindMount(twice);
      if (made.ok()) continue;
      CHECK_EQ(made.failure().err, ENOSPC);
      CHECK_EQ(std::string(made.failure().reason), "too-many-mounts");
      return;
    }
    check::Skip("more than a million mounts are allowed");
  });
}

namespace {

struct Writer {
  std::string path;
  std::atomic<bool> stop{false};
};

void* WriteOn(void* argument) {
  auto& writer = *static_cast<Writer*>(argument);
  while (!writer.stop.load()) {
    const ovl::UniqueFd fd(::open(writer.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  return nullptr;
}

}  // namespace

TEST(ReadOnlyBindMountIsNeverSeenWritable) {
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"source", "target"}) tree.Dir(name);
  InOwnMounts([&] {
    // It creates the file in the target, and in the source if that shows there and is writable.
    Writer writer;
    writer.path = tree.Path("target/written");
    pthread_t thread{};
    if (!CHECK(::pthread_create(&thread, nullptr, WriteOn, &writer) == 0)) return;
    ovl::BindSpec bind;
    bind.source = tree.Path("source");
    bind.target = tree.Path("target");
    bind.change.set = ovl::kAttrReadOnly;
    bind.interface = ovl::MountInterface::kFsopen;
    for (int i = 0; i < 500; ++i) {
      if (!CHECK(ovl::BindMount(bind).ok())) break;
      CHECK(ovl::Umount(bind.target, MNT_DETACH).ok());
    }
    writer.stop.store(true);
    (void)::pthread_join(thread, nullptr);
    CHECK_EQ(::access(tree.Path("target/written").c_str(), F_OK), 0);
    CHECK(::access(tree.Path("source/written").c_str(), F_OK) != 0);
  });
}
