#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "core/sys_fs_context.h"
#include "core/sys_mount.h"
#include "core/sys_superblock.h"
#include "core/unique_fd.h"
#include "test/check.h"

namespace {

ovl::Result<ovl::UniqueFd> Tmpfs() {
  auto context = ovl::Fsopen("tmpfs");
  if (!context.ok()) return context;
  auto created = ovl::FsconfigCreate(context.value().get());
  if (!created.ok()) return std::move(created.failure());
  return ovl::Fsmount(context.value().get(), 0);
}

}  // namespace

TEST(SuperblockIsGoneWithItsLastMount) {
#ifdef SYS_ustat
  bool seen_gone = false;
  // Somebody else's mount may be given the number at once: then it is another try.
  for (int i = 0; i < 100 && !seen_gone; ++i) {
    auto mount = Tmpfs();
    if (!mount.ok()) return check::Skip("needs root");
    const auto identity = ovl::IdentifyMount(mount.value().get());
    if (!CHECK(identity.ok())) return;
    CHECK(!ovl::IsFilesystemGone(identity.value().device));
    auto file = ovl::UniqueFd(::dup(mount.value().get()));
    mount.value().Reset();
    CHECK(!ovl::IsFilesystemGone(identity.value().device));
    file.Reset();
    seen_gone = ovl::IsFilesystemGone(identity.value().device);
  }
  CHECK(seen_gone);
#else
  check::Skip("no ustat(2) on this architecture");
#endif
}
