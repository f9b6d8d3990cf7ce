// A lower by name and by descriptor, of any kind: what is opened is what was meant.
#include "core/opened_lower.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "core/idmapped_layer.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/overlay_dirs.h"
#include "test/overlay_forms.h"

namespace {

using ovl::LayerSpec;
using ovl::OpenedLower;
using ovl::UniqueFd;

LayerSpec Given(int fd, const std::string& name = "") {
  LayerSpec layer;
  layer.path = name;
  layer.fd = std::make_shared<UniqueFd>(fd);
  return layer;
}

LayerSpec Named(const std::string& path) {
  LayerSpec layer;
  layer.path = path;
  return layer;
}

bool Shows(const OpenedLower& lower, const char* name) {
  return ::faccessat(lower.fd.get(), name, F_OK, 0) == 0;
}

void CheckRefused(const LayerSpec& layer, int err, const std::string& reason) {
  const auto lower = OpenedLower::Open(layer, false);
  if (!CHECK(!lower.ok())) return;
  CHECK_EQ(lower.failure().err, err);
  CHECK_EQ(std::string(lower.failure().reason), reason);
}

ovl::IdMap ToOrdinary(uint32_t from) {
  ovl::IdMap map;
  map.uids = {{from, 1000, 10}};
  map.gids = {{from, 2000, 10}};
  return map;
}

}  // namespace

TEST(LowerByName) {
  const OverlayDirs dirs;
  auto lower = OpenedLower::Open(Named(dirs.Path("lower")), false);
  if (!CHECK_EQ(FailureOf(lower), "")) return;
  CHECK(Shows(lower.value(), "file"));
  CHECK_EQ(lower.value().shown, dirs.Path("lower"));
  CHECK_EQ(lower.value().planned.fd, lower.value().fd.get());
  CheckRefused(Named(dirs.Path("missing")), ENOENT, "lower-missing");
  CheckRefused(Named(dirs.Path("lower/file")), ENOTDIR, "lower-not-directory");
  CheckRefused(Named(""), ENOENT, "lower-missing");
}

TEST(LowerByDescriptor) {
  const OverlayDirs dirs;
  const std::string path = dirs.Path("lower");
  for (const int flags : {O_RDONLY | O_DIRECTORY, O_PATH}) {
    const auto lower = OpenedLower::Open(Given(::open(path.c_str(), flags | O_CLOEXEC)), false);
    if (!CHECK_EQ(FailureOf(lower), "")) return;
    CHECK(Shows(lower.value(), "file"));
    CHECK_EQ(lower.value().shown, path);
    CHECK_EQ(lower.value().planned.path, "");
  }
  const std::string file = dirs.Path("lower/file");
  CheckRefused(Given(::open(file.c_str(), O_RDONLY | O_CLOEXEC)), ENOTDIR, "lower-not-directory");
  CheckRefused(Given(::open(file.c_str(), O_PATH | O_CLOEXEC)), ENOTDIR, "lower-not-directory");
  LayerSpec closed = Given(::dup(STDOUT_FILENO));
  (void)::close(closed.fd->get());
  CheckRefused(closed, EBADF, "lower-bad-descriptor");
  (void)closed.fd->Release();
}

// In another mount namespace the directory is opened anew, by a name that leads to it: not by one
// that meanwhile leads elsewhere.
TEST(LowerForAChild) {
  const OverlayDirs dirs;
  const auto open = [&] {
    return Given(::open(dirs.Path("lower").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  };
  LayerSpec layer = open();
  auto lower = OpenedLower::Open(layer, true);
  if (!CHECK_EQ(FailureOf(lower), "")) return;
  CHECK_EQ(lower.value().planned.fd, -1);
  CHECK_EQ(lower.value().planned.path, dirs.Path("lower"));
  CHECK(::rename(dirs.Path("lower").c_str(), dirs.Path("renamed").c_str()) == 0);
  lower = OpenedLower::Open(layer, true);
  if (!CHECK_EQ(FailureOf(lower), "")) return;
  CHECK_EQ(lower.value().planned.path, dirs.Path("renamed"));
  layer.path = dirs.Path("upper");  // a name that is wrong
  lower = OpenedLower::Open(layer, true);
  if (!CHECK_EQ(FailureOf(lower), "")) return;
  CHECK_EQ(lower.value().planned.fd, lower.value().fd.get());
  CHECK_EQ(lower.value().planned.path, "");
}

TEST(LowerThatIsADetachedMount) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  const UniqueFd dir = dirs.Open("lower");
  auto clone = ovl::OpenTreeClone(dir.get());
  if (!CHECK_EQ(FailureOf(clone), "")) return;
  for (const bool in_child : {false, true}) {
    const auto lower = OpenedLower::Open(Given(::dup(clone.value().get())), in_child);
    if (!CHECK_EQ(FailureOf(lower), "")) return;
    CHECK(Shows(lower.value(), "file"));
    CHECK_EQ(lower.value().planned.fd, lower.value().fd.get());
  }
}

TEST(LowerWithMappedIds) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  CHECK(::chown(dirs.Path("lower/file").c_str(), 3, 4) == 0);
  LayerSpec layer = Named(dirs.Path("lower"));
  layer.idmap = ToOrdinary(0);
  const auto lower = OpenedLower::Open(layer, false);
  if (!CHECK_EQ(FailureOf(lower), "")) return;
  CHECK_EQ(lower.value().planned.fd, lower.value().idmapped.get());
  struct stat st {};
  CHECK(::fstatat(lower.value().fd.get(), "file", &st, 0) == 0);
  CHECK_EQ(st.st_uid, 1003U);
  CHECK_EQ(st.st_gid, 2004U);
  CHECK(::stat(dirs.Path("lower/file").c_str(), &st) == 0);
  CHECK_EQ(st.st_uid, 3U);
}

TEST(LowerWithIdsThatCannotBeMapped) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  const UniqueFd dir = dirs.Open("lower");
  ovl::IdMap overlapping = ToOrdinary(0);
  overlapping.uids.push_back({5, 3000, 10});
  auto clone = ovl::IdmappedClone(dir.get(), overlapping, "/lower");
  CHECK(!clone.ok() && std::string(clone.failure().reason) == "bad-idmap");
  const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  clone = ovl::IdmappedClone(proc.get(), ToOrdinary(0), "/proc");
  CHECK(!clone.ok() && std::string(clone.failure().reason) == "idmap-refused");
  CHECK(!clone.ok() && clone.failure().path == "/proc");
}
