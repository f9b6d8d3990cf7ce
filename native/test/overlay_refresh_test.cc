// A detached overlay, which has no path that fspick(2) could take, is refreshed all the same.
#include "core/overlay_refresh.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "core/sys_fs_context.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

ovl::Result<ovl::UniqueFd> Detached(const Tree& tree, bool writable) {
  auto context = ovl::Fsopen("overlay");
  if (!context.ok()) return context;
  const int fs = context.value().get();
  ovl::Status status = ovl::FsconfigString(
      fs, "lowerdir", tree.Path("lower") + (writable ? "" : ":" + tree.Path("other")));
  if (writable && status.ok()) status = ovl::FsconfigString(fs, "upperdir", tree.Path("upper"));
  if (writable && status.ok()) status = ovl::FsconfigString(fs, "workdir", tree.Path("work"));
  if (status.ok()) status = ovl::FsconfigCreate(fs);
  if (!status.ok()) return status.failure();
  return ovl::Fsmount(fs, ovl::kAttrNosuid | ovl::kAttrNodev);
}

bool Exists(int dir, const char* name) { return ::faccessat(dir, name, F_OK, 0) == 0; }

void CheckDetached(bool writable) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"lower", "other", "upper", "work"}) tree.Dir(name);
  tree.File("lower/gone");
  auto mount = Detached(tree, writable);
  if (!CHECK(mount.ok())) return;
  const int fd = mount.value().get();
  CHECK(Exists(fd, "gone"));
  CHECK(!Exists(fd, "added"));
  tree.File("lower/added");
  tree.Remove("lower/gone");
  CHECK(Exists(fd, "gone"));
  CHECK(!Exists(fd, "added"));
  const auto refreshed = ovl::RefreshOverlay(fd);
  CHECK(refreshed.ok());
  CHECK(!Exists(fd, "gone"));
  CHECK(Exists(fd, "added"));
  const ovl::UniqueFd made(::openat(fd, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  CHECK_EQ(static_cast<bool>(made), writable);
}

}  // namespace

TEST(RefreshOfADetachedOverlay) { CheckDetached(true); }

TEST(RefreshOfADetachedOverlayWithoutAnUpper) { CheckDetached(false); }

TEST(RefreshNeedsTheRootOfTheMount) {
  const TempDir temp;
  const ovl::UniqueFd fd(::open(temp.path().c_str(), O_PATH | O_CLOEXEC));
  const auto refreshed = ovl::RefreshOverlay(fd.get());
  CHECK(!refreshed.ok() && std::string(refreshed.failure().call) == "fspick");
}
