// Copies of uppers: what a session's tests do not reach.
#include "core/upper_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "core/sys_file.h"
#include "core/sys_xattr.h"
#include "core/tree_removal.h"
#include "core/unique_fd.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

ovl::Status CopyAll(const std::string& from, const std::string& to, uint64_t& entries) {
  auto copy = ovl::UpperCopy::Open(from, to);
  if (!copy.ok()) return std::move(copy.failure());
  for (;;) {
    auto more = copy.value()->Step();
    if (!more.ok()) return std::move(more.failure());
    entries = copy.value()->entries();
    if (!more.value()) return ovl::Done{};
  }
}

struct stat StatOf(const std::string& path) {
  struct stat st {};
  CHECK(::lstat(path.c_str(), &st) == 0);
  return st;
}

}  // namespace

TEST(UpperCopiesHaveWhatTheOriginalHas) {
  const TempDir dir;
  Tree tree(dir.path() + "/from");
  tree.Dir("");
  tree.File("d/a", "content");
  tree.HardLink("d/b", "d/a");
  tree.Symlink("link", "/nowhere");
  tree.Fifo("fifo");
  tree.Whiteout("w");
  tree.HardLink("d/w", "w");
  tree.Mode("d", 0500);
  tree.Time("d", 1234567, 89);
  const bool marked = WhyNoUserXattrs(dir.path()).empty();
  if (marked) {
    tree.Xattr("", "user.overlay.uuid", "0123456789abcdef");
    tree.Xattr("d", "user.overlay.opaque", "y");
  }
  uint64_t entries = 0;
  auto copied = CopyAll(dir.path() + "/from", dir.path() + "/to", entries);
  CHECK(copied.ok());
  CHECK_EQ(entries, uint64_t{8});
  const std::string to = dir.path() + "/to";
  CHECK_EQ(StatOf(to + "/d/a").st_ino, StatOf(to + "/d/b").st_ino);
  CHECK_EQ(StatOf(to + "/w").st_ino, StatOf(to + "/d/w").st_ino);
  CHECK_EQ(StatOf(to + "/w").st_rdev, dev_t{0});
  CHECK_EQ(StatOf(to + "/d").st_mode & 07777U, 0500U);
  CHECK_EQ(StatOf(to + "/d").st_mtim.tv_sec, time_t{1234567});
  CHECK_EQ(StatOf(to + "/d").st_mtim.tv_nsec, 89L);
  if (!marked) return;
  std::string value;
  const ovl::UniqueFd root(::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto uuid = ovl::GetXattr(root.get(), "user.overlay.uuid", value);
  CHECK(uuid.ok() && !uuid.value());
  auto opaque = ovl::GetXattrAt(root.get(), "d", "user.overlay.opaque", value);
  CHECK(opaque.ok() && opaque.value());
  CHECK_EQ(value, std::string("y"));
}

// Longer than a path can be, and deeper than descriptors may be open.
TEST(UpperCopiesAreOfAnyDepth) {
  const TempDir dir;
  const std::string name(20, 'd');
  const std::string from = dir.path() + "/from";
  CHECK(::mkdir(from.c_str(), 0755) == 0);
  ovl::UniqueFd at(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 1100 && at; ++i) {
    CHECK(::mkdirat(at.get(), name.c_str(), 0755) == 0);
    at = ovl::UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  CHECK(static_cast<bool>(at));
  uint64_t entries = 0;
  auto copied = CopyAll(from, dir.path() + "/to", entries);
  CHECK(copied.ok());
  CHECK_EQ(entries, uint64_t{1101});
  CHECK(ovl::RemoveTree(from).ok());
  CHECK(ovl::RemoveTree(dir.path() + "/to").ok());
}

TEST(UpperCopiesTouchNothingThatIsThere) {
  const TempDir dir;
  Tree tree(dir.path());
  tree.File("from/a", "x");
  tree.File("to/a", "precious");
  uint64_t entries = 0;
  auto copied = CopyAll(dir.path() + "/from", dir.path() + "/to", entries);
  CHECK(!copied.ok());
  CHECK_EQ(copied.failure().err, EEXIST);
  CHECK_EQ(copied.failure().path, dir.path() + "/to");
  auto none = CopyAll(dir.path() + "/none", dir.path() + "/new", entries);
  CHECK(!none.ok());
  CHECK_EQ(none.failure().err, ENOENT);
}
