// Removing trees: all of what is ours, whatever its names and modes, and nothing of others.
#include "core/tree_removal.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "core/sys_privilege.h"
#include "core/unique_fd.h"
#include "test/check.h"
#include "test/detached_overlay.h"
#include "test/overlay_forms.h"
#include "test/tree.h"

namespace {

bool IsThere(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0;
}

// A chain of directories, made from inside so that no path is longer than PATH_MAX.
bool MakeChain(const std::string& top, int levels) {
  if (::mkdir(top.c_str(), 0755) != 0) return false;
  ovl::UniqueFd at(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string name(20, 'd');
  for (int i = 0; i < levels && at; ++i) {
    if (::mkdirat(at.get(), name.c_str(), 0755) != 0) return false;
    const ovl::UniqueFd file(::openat(at.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0));
    if (!file) return false;
    at = ovl::UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  return static_cast<bool>(at);
}

bool RemovesForbidden() {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("tree/work/work/inner/file");
  tree.File("tree/no-write/file");
  tree.File("tree/no-search/file");
  for (const char* name : {"tree/work/work/inner", "tree/work/work"}) tree.Mode(name, 0);
  tree.Mode("tree/no-write", 0500);
  tree.Mode("tree/no-search", 0600);
  tree.Mode("tree", 0);
  return CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("tree"))), "") &&
         CHECK(!IsThere(tree.Path("tree")));
}

// Not ENOTDIR from the next call.
void NamesImmutable() {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("tree/inner/file");
  const ovl::UniqueFd file(::open(tree.Path("tree/inner/file").c_str(), O_RDONLY | O_CLOEXEC));
  int flags = FS_IMMUTABLE_FL;
  if (::ioctl(file.get(), FS_IOC_SETFLAGS, &flags) != 0) {
    check::Skip("needs a filesystem with immutable files, and CAP_LINUX_IMMUTABLE [root only]");
    return;
  }
  auto removed = ovl::RemoveTree(tree.Path("tree"));
  flags = 0;
  CHECK(::ioctl(file.get(), FS_IOC_SETFLAGS, &flags) == 0);
  if (!CHECK(!removed.ok())) return;
  CHECK_EQ(std::string(removed.failure().call), "unlinkat");
  CHECK_EQ(removed.failure().err, EPERM);
  CHECK_EQ(std::string(removed.failure().reason), "immutable");
  CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("tree"))), "");
}

// Swaps two names for as long as it runs.
struct Swapper {
  std::string first;
  std::string second;
  std::atomic<bool> stop = false;
};

void* Swap(void* argument) {
  auto& swapper = *static_cast<Swapper*>(argument);
  while (!swapper.stop.load()) {
    (void)::renameat2(AT_FDCWD, swapper.first.c_str(), AT_FDCWD, swapper.second.c_str(),
                      RENAME_EXCHANGE);
  }
  return nullptr;
}

// Moves the directory that is being removed, while its last level is being emptied.
struct Mover {
  std::string watched;  // gone as soon as the removal is inside
  std::string from;
  std::string to;
};

void* MoveOnceInside(void* argument) {
  const auto& mover = *static_cast<Mover*>(argument);
  while (IsThere(mover.watched)) continue;
  (void)::rename(mover.from.c_str(), mover.to.c_str());
  return nullptr;
}

}  // namespace

TEST(RemovalOfADeepTree) {
  const TempDir temp;
  const std::string top = temp.path() + "/deep";
  if (!CHECK(MakeChain(top, 3000))) return;
  struct rlimit before {};
  CHECK(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const struct rlimit few = {32, before.rlim_max};
  CHECK(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  CHECK_EQ(FailureOf(ovl::RemoveTree(top)), "");
  CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(!IsThere(top));
}

// More names than one getdents64(2) gives, so that a directory is read on after what was found in
// it is gone: of files alone, of directories alone, and of both.
TEST(RemovalOfLargeDirectories) {
  const TempDir temp;
  Tree tree(temp.path());
  for (int i = 0; i < 2000; ++i) {
    const std::string name = std::to_string(i) + std::string(60, 'n');
    tree.File("tree/files/" + name);
    tree.Dir("tree/directories/" + name);
    i % 2 == 0 ? tree.File("tree/both/" + name) : tree.Dir("tree/both/" + name);
  }
  CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("tree"))), "");
  CHECK(!IsThere(tree.Path("tree")));
}

TEST(RemovalOfNothing) {
  const TempDir temp;
  CHECK_EQ(FailureOf(ovl::RemoveTree(temp.path() + "/missing")), "");
  const auto file = ovl::RemoveTree("/dev/null");
  CHECK(!file.ok() && file.failure().err == ENOTDIR);
  CHECK(IsThere("/dev/null"));
}

TEST(RemovalOfForbiddenDirectories) { CHECK(RemovesForbidden()); }

TEST(RemovalNamesImmutableFiles) { NamesImmutable(); }

TEST(RemovalOfForbiddenDirectoriesByTheirOwner) {
  CHECK(AsOrdinaryUser([](void*) { return RemovesForbidden(); }, nullptr));
}

TEST(RemovalByOneWhoDoesNotOwn) {
  if (::geteuid() != 0) return check::Skip("needs two users");
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("tree/closed/file");
  for (const char* name : {"", "tree"}) tree.Mode(name, 0777);
  tree.Mode("tree/closed", 0);
  std::string path = tree.Path("tree");
  const auto refused = [](void* argument) {
    const auto removed = ovl::RemoveTree(*static_cast<std::string*>(argument));
    return CHECK(!removed.ok()) && CHECK_EQ(removed.failure().err, EPERM) &&
           CHECK_EQ(removed.failure().path, *static_cast<std::string*>(argument) + "/closed");
  };
  CHECK(AsOrdinaryUser(refused, &path));
  CHECK(IsThere(tree.Path("tree/closed/file")));
}

TEST(RemovalFollowsNoLink) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("outside/file");
  tree.Mode("outside", 0751);
  tree.Symlink("tree/absolute", tree.Path("outside"));
  tree.Symlink("tree/relative", "../outside");
  tree.Symlink("tree/loop", "loop");
  tree.Symlink("link", "tree");
  const auto link = ovl::RemoveTree(tree.Path("link"));
  CHECK(!link.ok() && link.failure().err == ENOTDIR);
  CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("tree"))), "");
  CHECK(!IsThere(tree.Path("tree")));
  struct stat st;
  CHECK(::stat(tree.Path("outside").c_str(), &st) == 0 && (st.st_mode & 07777) == 0751);
  CHECK(IsThere(tree.Path("outside/file")));
}

TEST(RemovalStopsAtAMount) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("source/kept");
  tree.Dir("tree/inner/mount");
  const std::string mount = tree.Path("tree/inner/mount");
  if (!CHECK(::mount(tree.Path("source").c_str(), mount.c_str(), nullptr, MS_BIND, nullptr) == 0)) {
    return;
  }
  auto removed = ovl::RemoveTree(tree.Path("tree"));
  CHECK(!removed.ok() && removed.failure().err == EXDEV);
  CHECK(!removed.ok() && std::string(removed.failure().reason) == "submount");
  CHECK(!removed.ok() && removed.failure().path == mount);
  removed = ovl::RemoveTree(mount);
  CHECK(!removed.ok() && removed.failure().err == EXDEV);
  CHECK(IsThere(tree.Path("source/kept")));
  CHECK(::umount2(mount.c_str(), UMOUNT_NOFOLLOW) == 0);
  CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("tree"))), "");
  CHECK(!IsThere(tree.Path("tree")) && IsThere(tree.Path("source/kept")));
}

TEST(RemovalOfAnyName) {
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"new\nline", "\xff\xfe", "\\134", " ", "-rf", "*", "a\tb"}) {
    tree.File(std::string("tree/") + name + "/" + name);
    tree.Symlink(std::string("tree/link ") + name, name);
  }
  tree.Fifo("tree/fifo");
  for (int i = 0; i < 1200; ++i) tree.Dir("tree/many/" + std::to_string(i));
  CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("tree"))), "");
  CHECK(!IsThere(tree.Path("tree")));
}

// A directory of the tree and one beside it change places all the time. What lies in the other may
// go as long as it has a place in the tree; what has none is never touched.
TEST(RemovalWhileDirectoriesAreSwapped) {
  const TempDir temp;
  Tree tree(temp.path());
  for (int round = 0; round < 8; ++round) {
    tree.File("kept/file");
    for (int i = 0; i < 20; ++i) tree.Dir("tree/inner/" + std::to_string(i) + "/deeper");
    tree.Dir("other/deeper");
    Swapper swapper{tree.Path("tree/inner"), tree.Path("other")};
    pthread_t thread{};
    if (!CHECK(::pthread_create(&thread, nullptr, Swap, &swapper) == 0)) return;
    const auto removed = ovl::RemoveTree(tree.Path("tree"));
    swapper.stop.store(true);
    CHECK(::pthread_join(thread, nullptr) == 0);
    if (removed.ok()) {
      CHECK(!IsThere(tree.Path("tree")));
    } else {
      // What it meets is not what it saw, and it says so.
      const int err = removed.failure().err;
      CHECK(err == ESTALE || err == ENOTEMPTY);
    }
    CHECK(IsThere(tree.Path("kept/file")));
    CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("tree"))), "");
    CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path("other"))), "");
  }
}

// Whoever may write to the tree moves a directory out while it is being emptied: from there ".."
// leads to a stranger's.
TEST(RemovalDoesNotLeaveItsTree) {
  const TempDir temp;
  Tree tree(temp.path());
  size_t moved = 0;
  for (int round = 0; round < 50 && moved == 0; ++round) {
    tree.File("home/precious");
    tree.File("tree/inner/aaa");
    // Long enough to be emptied for the other thread to come between.
    for (int i = 0; i < 300; ++i) tree.Dir("tree/inner/z" + std::to_string(i));
    Mover mover{tree.Path("tree/inner/aaa"), tree.Path("tree/inner"), tree.Path("home/inner")};
    pthread_t thread{};
    if (!CHECK(::pthread_create(&thread, nullptr, MoveOnceInside, &mover) == 0)) return;
    const auto removed = ovl::RemoveTree(tree.Path("tree"));
    CHECK(::pthread_join(thread, nullptr) == 0);
    CHECK(IsThere(tree.Path("home/precious")));
    if (!removed.ok()) {
      ++moved;
      CHECK_EQ(std::string(removed.failure().reason), "replaced");
    }
    for (const char* name : {"tree", "home"}) {
      CHECK_EQ(FailureOf(ovl::RemoveTree(tree.Path(name))), "");
    }
  }
  CHECK(moved > 0);
}
