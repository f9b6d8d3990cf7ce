#include "core/overlay_inspection.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/overlay_explanation.h"
#include "core/overlay_spec.h"
#include "core/privilege_check.h"
#include "core/sys_fs_context.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "core/upper_check.h"
#include "test/check.h"
#include "test/tree.h"

using ovl::LayerSpec;
using ovl::OverlaySpec;
using ovl::Severity;
using ovl::UpperKind;

namespace {

using Strings = std::vector<std::string>;

std::shared_ptr<ovl::UniqueFd> Share(int fd) { return std::make_shared<ovl::UniqueFd>(fd); }

LayerSpec ByName(std::string path) { return LayerSpec{std::move(path), nullptr, {}, {}}; }

LayerSpec ByFd(const std::string& path, int flags) {
  return LayerSpec{"", Share(::open(path.c_str(), flags | O_CLOEXEC)), {}, {}};
}

// What is found, but for what depends on where the temporary directory lies.
Strings Reasons(const OverlaySpec& spec) {
  Strings out;
  for (const ovl::Finding& finding : ovl::InspectOverlay(spec)) {
    const std::string reason = finding.reason;
    if (reason == "mount-flags-not-kept" || reason == "owner-unmapped") continue;
    out.push_back((finding.severity == Severity::kError ? "" : "warning ") + reason);
  }
  return out;
}

struct Scene {
  TempDir temp;
  Tree tree{temp.path()};
  OverlaySpec spec;

  Scene() {
    tree.Dir("lower");
    tree.Dir("second");
    spec.lower = {ByName(tree.Path("lower"))};
    spec.upper.kind = UpperKind::kDirectory;
    spec.upper.path = tree.Path("upper");
  }
};

// A mount to be undone.
class Mounted {
 public:
  explicit Mounted(std::string target) : target_(std::move(target)) {}
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() { (void)::umount2(target_.c_str(), MNT_DETACH); }

 private:
  std::string target_;
};

bool MayMount() {
  if (ovl::HasSysAdmin() && ovl::OwnsMountNamespace()) return true;
  check::Skip("mounting is for CAP_SYS_ADMIN");
  return false;
}

}  // namespace

TEST(InspectionOfLayersByDescriptor) {
  Scene scene;
  OverlaySpec& spec = scene.spec;
  for (const int flags : {O_RDONLY | O_DIRECTORY, O_PATH}) {
    spec.lower = {ByFd(scene.tree.Path("lower"), flags), ByFd(scene.tree.Path("second"), flags)};
    CHECK_EQ(Reasons(spec), Strings{});
  }
  spec.lower.push_back(ByName(scene.tree.Path("lower")));
  CHECK_EQ(Reasons(spec), Strings{"lowers-overlap"});
  scene.tree.File("file");
  spec.lower = {ByFd(scene.tree.Path("file"), O_PATH)};
  CHECK_EQ(Reasons(spec), Strings{"lower-not-directory"});
}

TEST(InspectionNamesALayerThatHasADescriptorOnly) {
  Scene scene;
  scene.tree.File("file");
  scene.spec.lower = {ByFd(scene.tree.Path("file"), O_PATH)};
  const auto found = ovl::InspectOverlay(scene.spec);
  if (!CHECK(!found.empty())) return;
  CHECK_EQ(found.front().path, scene.tree.Path("file"));
}

TEST(InspectionOfDetachedLayers) {
  if (!MayMount()) return;
  auto fs = ovl::Fsopen("tmpfs");
  if (!CHECK(fs.ok()) || !CHECK(ovl::FsconfigCreate(fs.value().get()).ok())) return;
  auto mount = ovl::Fsmount(fs.value().get(), 0);
  if (!CHECK(mount.ok())) return;
  Scene scene;
  scene.spec.lower.push_back(LayerSpec{"scratch", Share(mount.value().Release()), {}, {}});
  CHECK_EQ(Reasons(scene.spec), Strings{});
}

TEST(InspectionOfUppersThatAreMade) {
  Scene scene;
  OverlaySpec& spec = scene.spec;
  spec.upper.kind = UpperKind::kTmpfs;
  spec.upper.path.clear();
  CHECK_EQ(Reasons(spec), Strings{});
  spec.features.is_volatile = true;
  CHECK_EQ(Reasons(spec), Strings{});
  spec.upper.kind = UpperKind::kTemporary;
  spec.upper.path = scene.temp.path();
  CHECK_EQ(Reasons(spec), Strings{});
  spec.upper.path = scene.tree.Path("absent");
  CHECK_EQ(Reasons(spec), Strings{"parent-missing"});
}

TEST(InspectionOfDataLayers) {
  Scene scene;
  OverlaySpec& spec = scene.spec;
  scene.tree.Dir("data");
  spec.data_lower = {ByName(scene.tree.Path("data"))};
  CHECK_EQ(Reasons(spec), Strings{});
  spec.upper = {};
  CHECK_EQ(Reasons(spec), Strings{});  // two layers, if of different kinds
  spec.data_lower = {ByName(scene.tree.Path("lower"))};
  CHECK_EQ(Reasons(spec), Strings{"lowers-overlap"});
}

TEST(InspectionOfAnUncleanUpper) {
  Scene scene;
  scene.tree.Dir("upper.work/work/incompat/volatile/dirty");
  CHECK_EQ(Reasons(scene.spec), Strings{"work-volatile"});
  scene.spec.accept_unclean = true;
  CHECK_EQ(Reasons(scene.spec), Strings{});
  scene.tree.Dir("upper.work/work/incompat/later");
  CHECK_EQ(Reasons(scene.spec), Strings{"work-incompat"});
}

TEST(InspectionOfABeneathMount) {
  if (!MayMount()) return;
  Scene scene;
  scene.tree.Dir("target");
  scene.spec.target = scene.tree.Path("target");
  scene.spec.beneath = true;
  CHECK_EQ(Reasons(scene.spec), Strings{"beneath-nothing"});
  if (!CHECK(::mount("tmpfs", scene.spec.target->c_str(), "tmpfs", 0, nullptr) == 0)) return;
  const Mounted mounted(*scene.spec.target);
  CHECK_EQ(Reasons(scene.spec), Strings{});
}

TEST(InspectionOfDataForMount2) {
  Scene scene;
  OverlaySpec& spec = scene.spec;
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i) + std::string(230, 'x');
    scene.tree.Dir(name);
    spec.lower.push_back(ByName(scene.tree.Path(name)));
  }
  // Numbers of descriptors take the place of the names, where names are not asked for.
  spec.interface = ovl::MountInterface::kMount;
  CHECK_EQ(Reasons(spec), Strings{});
  spec.lowerdir_text = true;
  CHECK_EQ(Reasons(spec), Strings{"lowerdir-text-too-long"});
}

TEST(InspectionChangesNothing) {
  Scene scene;
  scene.tree.Dir("upper");
  scene.tree.Dir("upper.work/work/#1");
  struct stat before;
  struct stat after;
  if (!CHECK(::stat(scene.tree.Path("upper").c_str(), &before) == 0)) return;
  CHECK_EQ(Reasons(scene.spec), Strings{});
  if (!CHECK(::stat(scene.tree.Path("upper").c_str(), &after) == 0)) return;
  CHECK_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
  CHECK(::access(scene.tree.Path("upper.work/work/#1").c_str(), F_OK) == 0);
}

TEST(ExplanationPrefersTheKernelsNumber) {
  Scene scene;
  scene.tree.File("file");
  scene.spec.lower.push_back(ByName(scene.tree.Path("file")));   // ENOTDIR
  scene.spec.lower.push_back(ByName(scene.tree.Path("lower")));  // ELOOP
  const auto explained = [&](int err) {
    const auto failure =
        ovl::ExplainRefusal(ovl::Refusal(err, "fsconfig", ""), scene.spec, {"e overlay: why"});
    CHECK_EQ(failure.err, err);
    CHECK_EQ(std::string(failure.call), "fsconfig");
    CHECK_EQ(failure.log, Strings{"e overlay: why"});
    return std::string(failure.reason);
  };
  CHECK_EQ(explained(ELOOP), "lowers-overlap");
  CHECK_EQ(explained(ENOTDIR), "lower-not-directory");
  CHECK_EQ(explained(EINVAL), "lower-not-directory");  // some cause is better than none
  CHECK_EQ(explained(ENOMEM), "");                     // but the machine is not the layers' fault
  CHECK_EQ(explained(ENOSPC), "too-many-mounts");
}

TEST(ExplanationWithoutACause) {
  const Scene scene;
  const auto explained = [&](int err, Strings log) {
    return std::string(
        ovl::ExplainRefusal(ovl::Refusal(err, "mount", ""), scene.spec, std::move(log)).reason);
  };
  // An ordinary user cannot see everything.
  CHECK_EQ(explained(EINVAL, {}),
           ovl::HasSysAdmin() ? "refused-without-reason" : "work-unreadable");
  CHECK_EQ(explained(EINVAL, {"e overlay: Bad value for 'x'"}), "");  // the kernel has told
  CHECK_EQ(explained(EINVAL, {"w overlay: something else"}),
           ovl::HasSysAdmin() ? "refused-without-reason" : "work-unreadable");
  CHECK_EQ(explained(ENODEV, {}), "no-overlay");
  CHECK_EQ(explained(EIO, {}), "");
}

TEST(ExplanationKeepsAReasonThatIsThere) {
  const Scene scene;
  const auto failure =
      ovl::ExplainRefusal(ovl::Refusal(EBUSY, "mount", "upper-in-use", "/u"), scene.spec, {});
  CHECK_EQ(std::string(failure.reason), "upper-in-use");
  CHECK_EQ(failure.path, "/u");
}

TEST(ExplanationOfDataLayersOnOlderKernels) {
  Scene scene;
  scene.tree.Dir("data");
  scene.spec.data_lower = {ByName(scene.tree.Path("data"))};
  const auto failure = ovl::ExplainRefusal(ovl::Refusal(EINVAL, "fsconfig", ""), scene.spec, {});
  CHECK_EQ(std::string(failure.reason), "data-needs-metacopy");
}

TEST(PrivilegeThatIsMissingIsNamed) {
  Scene scene;
  scene.spec.target = scene.tree.Path("lower");
  const auto found = ovl::FindMissingPrivilege(scene.spec);
  const std::string reason = found ? found->reason : "";
  if (!ovl::HasSysAdmin()) {
    CHECK_EQ(reason, "rootless-target");
  } else {
    CHECK_EQ(reason, ovl::OwnsMountNamespace() ? "" : "foreign-mount-namespace");
  }
}

// The flags of a layer's mount really do not count for the overlay.
TEST(OverlayRunsProgramsOfANoexecLayer) {
  if (!MayMount()) return;
  Scene scene;
  scene.tree.Dir("noexec");
  const std::string lower = scene.tree.Path("noexec");
  if (!CHECK(::mount("tmpfs", lower.c_str(), "tmpfs", MS_NOEXEC, nullptr) == 0)) return;
  const Mounted layer(lower);
  scene.tree.File("noexec/run", "#!/bin/sh\n");
  scene.tree.Mode("noexec/run", 0755);
  CHECK(::access((lower + "/run").c_str(), X_OK) != 0);
  const std::string target = scene.tree.Path("second");
  scene.tree.Dir("empty");
  const std::string data = "lowerdir=" + lower + ":" + scene.tree.Path("empty");
  if (!CHECK(::mount("overlay", target.c_str(), "overlay", 0, data.c_str()) == 0)) return;
  const Mounted overlay(target);
  CHECK(::access((target + "/run").c_str(), X_OK) == 0);
}
