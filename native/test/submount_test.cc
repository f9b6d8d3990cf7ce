// A layer is one mount: what is mounted below it is no part of it.
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

#include <string>

#include "core/layers.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

void CheckSubmount(const TempDir& temp) {
  Tree tree(temp.path());
  tree.File("layer/covered/below");
  if (::unshare(CLONE_NEWNS) != 0) return check::Skip("needs a mount namespace of its own");
  if (!CHECK(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0)) return;
  const std::string covered = tree.Path("layer/covered");
  if (!CHECK(::mount("none", covered.c_str(), "tmpfs", 0, "size=64k") == 0)) return;
  tree.File("layer/covered/mounted");

  auto plain = ovl::OpenDirectory(tree.Path("layer"));
  if (!CHECK(plain.ok())) return;
  auto crossed = ovl::OpenDirectoryAt(plain.value().get(), "covered");
  if (CHECK(!crossed.ok())) {
    CHECK_EQ(crossed.failure().err, EXDEV);
    CHECK_EQ(std::string(crossed.failure().reason), "submount");
  }

  auto layer = ovl::OpenLayer(tree.Path("layer"), 0);
  if (!CHECK(layer.ok())) return;
  struct stat st {};
  auto there = ovl::StatAt(layer.value()->Fd().value(), "covered", st);
  CHECK(there.ok() && there.value());
  const auto dir = ovl::LayerDir::Child(layer.value(), "covered", st.st_dev, st.st_ino);
  auto fd = dir->Fd();
  if (!CHECK(fd.ok())) return;
  there = ovl::StatAt(fd.value(), "below", st);
  CHECK(there.ok() && there.value());
  there = ovl::StatAt(fd.value(), "mounted", st);
  CHECK(there.ok() && !there.value());
}

}  // namespace

TEST(LayerDoesNotShowWhatIsMountedBelowIt) {
  const TempDir temp;
  // In a thread of its own: its namespace, and the mount in it, go when it ends.
  pthread_t thread{};
  const auto body = [](void* arg) -> void* {
    CheckSubmount(*static_cast<const TempDir*>(arg));
    return nullptr;
  };
  if (!CHECK(::pthread_create(&thread, nullptr, body, const_cast<TempDir*>(&temp)) == 0)) return;
  (void)::pthread_join(thread, nullptr);
}
