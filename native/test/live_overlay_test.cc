// An overlay from its mount to its end: what may be done twice, and what a failure leaves to do.
#include "core/live_overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <string>

#include "core/mount_place.h"
#include "core/mount_table.h"
#include "core/overlay_mount.h"
#include "core/sys_file.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/detached_overlay.h"
#include "test/overlay_dirs.h"
#include "test/overlay_forms.h"

namespace {

using ovl::CloseRequest;
using ovl::OverlaySpec;
using ovl::UniqueFd;
using ovl::UpperKind;

OverlaySpec SpecOf(const OverlayDirs& dirs, UpperKind kind = UpperKind::kDirectory) {
  OverlaySpec spec;
  spec.lower.emplace_back().path = dirs.Path("lower");
  spec.upper.kind = kind;
  if (kind == UpperKind::kDirectory) spec.upper.path = dirs.Path("upper");
  if (kind == UpperKind::kTemporary) spec.upper.path = dirs.Path("upper2");
  if (kind == UpperKind::kDirectory) spec.work = dirs.Path("work");
  return spec;
}

bool IsThere(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// "shared" or "private", as the table has it; empty where no overlay is.
std::string PropagationAt(const std::string& path) {
  auto fd = ovl::OpenPath(path);
  auto mount = ovl::FindMountOf(fd.ok() ? fd.value().get() : -1);
  if (!mount.ok() || !mount.value() || mount.value()->fstype != "overlay") return "";
  return mount.value()->propagation.peer_group != 0 ? "shared" : "private";
}

template <typename T>
std::string ReasonOf(const ovl::Result<T>& result) {
  return result.ok() ? "" : result.failure().reason;
}

}  // namespace

TEST(LiveOverlayIsAttachedOnce) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  auto mounted = ovl::MountOverlay(SpecOf(dirs));
  if (!CHECK_EQ(FailureOf(mounted), "")) return;
  ovl::LiveOverlay& live = *mounted.value().live;
  CHECK_EQ(ReasonOf(live.Attach(dirs.Path("missing"), false, 0)), "target-missing");
  CHECK_EQ(ReasonOf(live.Attach(dirs.Path("lower/file"), false, 0)), "target-not-directory");
  CHECK(live.mount_fd() >= 0);
  auto place = live.Attach(dirs.Path("merged/../merged"), false, 0);
  CHECK(place.ok() && place.value() == dirs.Path("merged"));
  CHECK_EQ(live.mount_fd(), -1);
  CHECK(IsThere(dirs.Path("merged/file")));
  CHECK_EQ(ReasonOf(live.Attach(dirs.Path("merged2"), false, 0)), "attached");
  CHECK_EQ(FailureOf(live.Close({})), "");
  CHECK(!IsThere(dirs.Path("merged/file")));
  CHECK_EQ(FailureOf(live.Close({})), "");
  CHECK_EQ(ReasonOf(live.Attach(dirs.Path("merged"), false, 0)), "closed");
  CHECK_EQ(ReasonOf(live.Refresh()), "closed");
}

// Busy is no end: the second try goes on, and what the mount needs is there until then.
TEST(LiveOverlayClosesAfterAFailure) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  OverlaySpec spec = SpecOf(dirs, UpperKind::kTemporary);
  spec.target = dirs.Path("merged");
  auto mounted = ovl::MountOverlay(spec);
  if (!CHECK_EQ(FailureOf(mounted), "")) return;
  ovl::LiveOverlay& live = *mounted.value().live;
  const std::string upper = mounted.value().upper.value_or("");
  UniqueFd user(::open(dirs.Path("merged").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto closed = live.Close({});
  CHECK(!closed.ok() && closed.failure().err == EBUSY);
  CHECK_EQ(ReasonOf(live.Close({true, true})), "lazy-temporary");
  CHECK(IsThere(upper));
  CHECK_EQ(FailureOf(live.Refresh()), "");
  user.Reset();
  CHECK_EQ(FailureOf(live.Close({})), "");
  CHECK(!IsThere(upper) && !upper.empty());
  CHECK_EQ(FailureOf(live.Close({})), "");
}

// The mark stays where nobody has synced, or somebody may still write.
TEST(LiveOverlayThatIsVolatile) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const CloseRequest requests[] = {{false, true}, {false, false}, {true, true}};
  for (const CloseRequest& request : requests) {
    const OverlayDirs dirs;
    OverlaySpec spec = SpecOf(dirs);
    spec.target = dirs.Path("merged");
    spec.features.is_volatile = true;
    auto mounted = ovl::MountOverlay(spec);
    if (!CHECK_EQ(FailureOf(mounted), "")) return;
    CHECK(IsThere(dirs.Path("work/work/incompat/volatile")));
    CHECK_EQ(FailureOf(mounted.value().live->Close(request)), "");
    const bool intact = !request.lazy && request.sync;
    CHECK_EQ(IsThere(dirs.Path("work/work/incompat/volatile")), !intact);
    CHECK_EQ(ReasonOf(ovl::MountOverlay(spec)), intact ? "" : "work-volatile");
    (void)dirs.Unmount("merged");
  }
}

TEST(LiveOverlayUnderAnotherMount) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  OverlaySpec spec = SpecOf(dirs);
  spec.target = dirs.Path("merged");
  auto mounted = ovl::MountOverlay(spec);
  if (!CHECK_EQ(FailureOf(mounted), "")) return;
  CHECK_EQ(dirs.Mount("upper2", "work2", "merged"), 0);
  CHECK_EQ(ReasonOf(mounted.value().live->Close({})), "covered");
  CHECK_EQ(ReasonOf(mounted.value().live->Refresh()), "not-at-target");
  CHECK(dirs.Unmount("merged"));
  CHECK_EQ(FailureOf(mounted.value().live->Close({})), "");
  CHECK_EQ(PropagationAt(dirs.Path("merged")), "");
}

// Attaching below a shared mount makes a mount shared, so that what was asked for comes after it.
TEST(PlaceWithPropagation) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  const std::string base = dirs.Path("");
  CHECK(::mount(base.c_str(), base.c_str(), nullptr, MS_BIND, nullptr) == 0);
  CHECK(::mount(nullptr, base.c_str(), nullptr, MS_SHARED, nullptr) == 0);
  for (const unsigned long propagation : {0UL, 0UL + MS_PRIVATE, 0UL + MS_SHARED}) {
    OverlaySpec spec = SpecOf(dirs);
    spec.target = dirs.Path("merged");
    spec.propagation = propagation;
    auto mounted = ovl::MountOverlay(spec);
    if (!CHECK_EQ(FailureOf(mounted), "")) break;
    CHECK_EQ(PropagationAt(dirs.Path("merged")), propagation == MS_PRIVATE ? "private" : "shared");
    CHECK_EQ(FailureOf(mounted.value().live->Close({})), "");
  }
  CHECK(::umount2(base.c_str(), MNT_DETACH) == 0);
}

TEST(PlaceIsLeftAfterAFailure) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  const UniqueFd mount = dirs.MountDetached("upper", "work");
  auto place = ovl::OpenPlace(dirs.Path("merged"));
  if (!CHECK(mount) || !CHECK_EQ(FailureOf(place), "")) return;
  // No such propagation: the kernel refuses after the mount was attached.
  const auto attached = ovl::AttachMount(mount.get(), place.value(), false, MS_PRIVATE | MS_SHARED);
  CHECK(!attached.ok() && attached.failure().err == EINVAL);
  CHECK(!attached.ok() && std::string(attached.failure().call) == "mount_setattr");
  CHECK_EQ(ReasonOf(attached), "");
  CHECK_EQ(PropagationAt(dirs.Path("merged")), "");
}

// A user namespace that is entered again must not make us unreadable for ourselves: setns(2) in a
// child that shares our memory could take away the dumpable attribute, which is the memory's.
TEST(LiveOverlayOfAnOrdinaryUser) {
  const auto body = [](void*) {
    const OverlayDirs dirs;
    OverlaySpec spec = SpecOf(dirs);
    spec.attributes = ovl::kAttrReadOnly;
    auto mounted = ovl::MountOverlay(spec);
    if (!CHECK_EQ(FailureOf(mounted), "")) return false;
    ovl::LiveOverlay& live = *mounted.value().live;
    return CHECK_EQ(::prctl(PR_GET_DUMPABLE), 1) &&
           CHECK_EQ(ReasonOf(live.Attach(dirs.Path("merged"), false, 0)), "rootless-attach") &&
           CHECK_EQ(ReasonOf(live.Refresh()), "rootless-refresh") &&
           CHECK(live.user_namespace() != nullptr) && CHECK_EQ(FailureOf(live.Close({})), "") &&
           CHECK(live.user_namespace() == nullptr) && CHECK_EQ(live.mount_fd(), -1);
  };
  CHECK(AsOrdinaryUser(body, nullptr));
}
