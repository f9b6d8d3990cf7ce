// Layers by descriptor and by name: any path is the layer it names, in both forms.
#include "core/overlay_plan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "core/overlay_build.h"
#include "core/overlay_mount.h"
#include "core/raw_calls.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/detached_overlay.h"
#include "test/overlay_forms.h"
#include "test/tree.h"

namespace {

bool Exists(int dir, const char* name) { return ::faccessat(dir, name, F_OK, 0) == 0; }

bool IsThere(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// A directory whose path has exactly that many bytes, below `base`.
std::string PathOfLength(const std::string& base, size_t length) {
  std::string path = base;
  while (length - path.size() > 201) path += "/" + std::string(100, 'p');
  return path + "/" + std::string(length - path.size() - 1, 'q');
}

// An overlay of three directories, each of which shows that it is the one that was meant.
bool Mounts(ovl::MountInterface interface, const std::string& lower, const std::string& upper,
            const std::string& work) {
  Tree tree("/");
  tree.File(lower.substr(1) + "/of-lower");
  tree.File(upper.substr(1) + "/of-upper");
  tree.Dir(work.substr(1));
  ovl::OverlaySpec spec;
  spec.lower.emplace_back().path = lower;
  spec.upper = {ovl::UpperKind::kDirectory, upper};
  spec.work = work;
  spec.interface = interface;
  auto mounted = ovl::MountOverlay(spec);
  if (!CHECK_EQ(FailureOf(mounted), "")) return false;
  const int root = mounted.value().live->mount_fd();
  const ovl::UniqueFd made(::openat(root, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  bool good = CHECK(Exists(root, "of-lower")) && CHECK(Exists(root, "of-upper")) && CHECK(made) &&
              CHECK(IsThere(upper + "/made")) && CHECK(IsThere(work + "/work"));
  good = CHECK_EQ(FailureOf(mounted.value().live->Close({})), "") && good;
  return good;
}

bool MountsAnyPath() {
  const TempDir temp;
  bool good = true;
  size_t number = 0;
  for (const auto interface : {ovl::MountInterface::kFsopen, ovl::MountInterface::kFsopenNames}) {
    const auto fresh = [&] { return temp.path() + "/" + std::to_string(number++); };
    // What fsconfig(2) takes as a string, and what it does not.
    for (const size_t length : {255U, 256U, 257U, 600U}) {
      const std::string base = fresh();
      good = Mounts(interface, PathOfLength(base + "l", length), PathOfLength(base + "u", length),
                    PathOfLength(base + "w", length)) &&
             good;
    }
    for (const char* name : {"back\\slash", "two\\\\slashes", "\\134", "end\\", "co:lon", "com,ma",
                             "sp ace", "new\nline", "\xff", "a\\:b\\,c", "=", "#"}) {
      const std::string base = fresh() + "/";
      good = Mounts(interface, base + "l" + name, base + "u" + name, base + "w" + name) && good;
    }
    // Short enough until its backslashes are protected.
    const std::string base = fresh();
    const std::string bent(40, '\\');
    good = Mounts(interface, base + "/l", PathOfLength(base + "/" + bent, 240),
                  PathOfLength(base + "/w" + bent, 240)) &&
           good;
  }
  return good;
}

int OpenFds() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

}  // namespace

TEST(PlanWithAnyPath) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  CHECK(MountsAnyPath());
}

TEST(PlanWithAnyPathOfAnOrdinaryUser) {
  CHECK(AsOrdinaryUser([](void*) { return MountsAnyPath(); }, nullptr));
}

// Whatever fails, the failure names the call and the layer, and nothing stays open.
TEST(PlanThatFails) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("lower");
  tree.File("file");
  const int before = OpenFds();
  {
    ovl::OverlayPlan plan;
    plan.AddLower({-1, tree.Path("lower")});
    plan.AddLower({-1, tree.Path("missing")});
    CHECK(!ovl::raw::Build(plan.Ready()));
    const auto mount = plan.TakeMount();
    CHECK_EQ(FailureOf(mount), "open " + tree.Path("missing") + ": errno 2 () ");
  }
  {
    ovl::OverlayPlan plan;
    plan.AddLower({-1, tree.Path("lower")});
    plan.AddOption("no_such_option=on");
    CHECK(!ovl::raw::Build(plan.Ready()));
    const auto mount = plan.TakeMount();
    CHECK(!mount.ok() && mount.failure().err == EINVAL);
    CHECK(!mount.ok() && mount.failure().path == "no_such_option");
    CHECK(!mount.ok() && !mount.failure().log.empty());
  }
  {
    ovl::OverlayPlan plan;
    plan.AddLower({-1, tree.Path("lower")});
    CHECK(!ovl::raw::Build(plan.Ready()));  // one lower, no upper: the kernel wants two
    const auto mount = plan.TakeMount();
    CHECK(!mount.ok() && std::string(mount.failure().call) == "fsconfig");
  }
  {
    ovl::raw::RootAttributes attributes;
    attributes.mode = 0755;
    ovl::OverlayPlan plan;
    plan.AddLower({-1, tree.Path("lower")});
    plan.SetScratchUpper(0, 1, &attributes);  // one inode: the root has it
    CHECK(!ovl::raw::Build(plan.Ready()));
    const auto mount = plan.TakeMount();
    CHECK_EQ(FailureOf(mount), "mkdirat overlayfs-in-memory-upper: errno 28 (tmpfs-too-small) ");
  }
  CHECK_EQ(OpenFds(), before);
}

TEST(PlanWithAScratchUpper) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("lower/file");
  const int before = OpenFds();
  {
    ovl::raw::RootAttributes attributes;
    attributes.mode = 01751;
    attributes.uid = 7;
    attributes.gid = 8;
    attributes.times[1].tv_sec = Tree::kTime;
    const char value[] = "blue";
    const ovl::raw::Attribute xattr{"trusted.colour", value, sizeof value - 1};
    attributes.xattrs = &xattr;
    attributes.xattr_count = 1;
    ovl::OverlayPlan plan;
    plan.AddLower({-1, tree.Path("lower")});
    plan.SetScratchUpper(1 << 20, 100, &attributes);
    CHECK(ovl::raw::Build(plan.Ready()));
    auto mount = plan.TakeMount();
    if (!CHECK_EQ(FailureOf(mount), "")) return;
    struct stat st {};
    CHECK(::fstat(mount.value().get(), &st) == 0);
    CHECK_EQ(st.st_mode & 07777U, 01751U);
    CHECK_EQ(st.st_uid, 7U);
    CHECK_EQ(st.st_gid, 8U);
    CHECK_EQ(st.st_mtime, Tree::kTime);
    CHECK(Exists(mount.value().get(), "file"));
    CHECK(attributes.owner_kept && attributes.xattrs_kept);
    CHECK(plan.upper_fd() >= 0 && plan.work_fd() >= 0);
  }
  CHECK_EQ(OpenFds(), before);
}
