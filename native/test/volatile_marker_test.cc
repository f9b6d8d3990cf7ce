// The mark of a volatile mount: the kernel's own, and what others put in its place.
#include "core/volatile_marker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/detached_overlay.h"
#include "test/overlay_dirs.h"
#include "test/overlay_forms.h"

namespace {

bool IsMarked(const OverlayDirs& dirs) {
  const auto work = dirs.Open("work");
  auto marked = ovl::HasVolatileMarker(work.get(), dirs.Path("work"));
  CHECK_EQ(FailureOf(marked), "");
  return marked.ok() && marked.value();
}

std::string Remove(const OverlayDirs& dirs) {
  const auto work = dirs.Open("work");
  return FailureOf(ovl::RemoveVolatileMarker(work.get(), dirs.Path("work")));
}

mode_t ModeOf(const std::string& path) {
  struct stat st {};
  CHECK(::lstat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}

bool IsThere(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0;
}

// What the kernel leaves, with its modes: an ordinary owner may not even look in.
void MarkAsTheKernel(OverlayDirs& dirs) {
  dirs.tree().File("work/work/incompat/volatile/dirty");
  for (const char* name : {"work/work/incompat/volatile", "work/work/incompat", "work/work"}) {
    dirs.tree().Mode(name, 0);
  }
}

bool RemovesKernelsMark() {
  OverlayDirs dirs;
  if (!CHECK(!IsMarked(dirs))) return false;
  MarkAsTheKernel(dirs);
  return CHECK(IsMarked(dirs)) && CHECK_EQ(Remove(dirs), "") && CHECK(!IsMarked(dirs)) &&
         CHECK(!IsThere(dirs.Path("work/work/incompat"))) && CHECK(IsThere(dirs.Path("work/work")));
}

}  // namespace

TEST(VolatileMarkIsRemoved) { CHECK(RemovesKernelsMark()); }

TEST(VolatileMarkIsRemovedByAnOrdinaryOwner) {
  CHECK(AsOrdinaryUser([](void*) { return RemovesKernelsMark(); }, nullptr));
}

// The kernel itself says when the mark is there and when it is gone.
TEST(VolatileMarkOfARealMount) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  const OverlayDirs dirs;
  if (!CHECK_EQ(dirs.Mount("upper", "work", "merged", ",volatile"), 0)) return;
  CHECK(IsMarked(dirs));
  CHECK(dirs.Unmount("merged"));
  CHECK(IsMarked(dirs));
  CHECK_EQ(dirs.Mount("upper", "work", "merged"), EINVAL);
  CHECK_EQ(Remove(dirs), "");
  CHECK(!IsMarked(dirs));
  CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0);
}

TEST(VolatileMarkBesideAnother) {
  OverlayDirs dirs;
  dirs.tree().Dir("work/work/incompat/volatile");
  dirs.tree().Dir("work/work/incompat/newer");
  CHECK_EQ(Remove(dirs), "");
  CHECK(!IsMarked(dirs));
  CHECK(IsThere(dirs.Path("work/work/incompat/newer")));
  CHECK_EQ(Remove(dirs), "");  // there is none any more
}

// What the kernel does not make stays, and the failure says where.
TEST(VolatileMarkWithForeignFiles) {
  OverlayDirs dirs;
  dirs.tree().File("work/work/incompat/volatile/mine");
  const auto work = dirs.Open("work");
  const auto removed = ovl::RemoveVolatileMarker(work.get(), dirs.Path("work"));
  CHECK(!removed.ok() && removed.failure().err == ENOTEMPTY);
  CHECK(!removed.ok() && std::string(removed.failure().call) == "unlinkat");
  CHECK(!removed.ok() && removed.failure().path == dirs.Path("work/work/incompat/volatile"));
  CHECK(IsThere(dirs.Path("work/work/incompat/volatile/mine")));
}

// A workdir can be somebody else's, and the one who mounts is root.
TEST(VolatileMarkIsNotLookedForBehindLinks) {
  const char* const links[] = {"work/work", "work/work/incompat", "work/work/incompat/volatile"};
  const char* const targets[] = {"victim", "victim/incompat", "victim/incompat/volatile"};
  for (size_t i = 0; i < std::size(links); ++i) {
    OverlayDirs dirs;
    dirs.tree().File("victim/incompat/volatile/dirty");
    for (const char* name : targets) dirs.tree().Mode(name, 0755);
    dirs.tree().Symlink(links[i], dirs.Path(targets[i]));
    CHECK(!IsMarked(dirs));
    CHECK_EQ(Remove(dirs), "");
    for (const char* name : targets) CHECK_EQ(ModeOf(dirs.Path(name)), 0755U);
    CHECK(IsThere(dirs.Path("victim/incompat/volatile/dirty")));
  }
}

TEST(VolatileSyncNamesItsPath) {
  const auto synced = ovl::SyncFilesystem(-1, "/upper");
  CHECK_EQ(FailureOf(synced), "syncfs /upper: errno 9 () ");
  const OverlayDirs dirs;
  CHECK_EQ(FailureOf(ovl::SyncFilesystem(dirs.Open("upper").get(), "/upper")), "");
}
