#include "core/sys_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "test/check.h"
#include "test/tree.h"

TEST(OpenDirectoryAtTakesOnlyDirectories) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("dir");
  tree.File("file");
  tree.Symlink("to-dir", "dir");
  auto root = ovl::OpenDirectory(temp.path());
  if (!CHECK(root.ok())) return;
  const int fd = root.value().get();
  auto dir = ovl::OpenDirectoryAt(fd, "dir");
  CHECK(dir.ok());
  CHECK((::fcntl(dir.value().get(), F_GETFD) & FD_CLOEXEC) != 0);
  for (const char* name : {"file", "to-dir"}) {
    auto other = ovl::OpenDirectoryAt(fd, name);
    if (!CHECK(!other.ok())) continue;
    CHECK_EQ(other.failure().err, ENOTDIR);
    CHECK_EQ(other.failure().path, name);
    CHECK_EQ(std::string(other.failure().reason), "");
  }
  auto none = ovl::OpenDirectoryAt(fd, "none");
  CHECK(!none.ok() && none.failure().err == ENOENT);
}

TEST(OpenDirectoryFollowsLinks) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("dir");
  tree.Symlink("to-dir", "dir");
  tree.File("file");
  CHECK(ovl::OpenDirectory(tree.Path("to-dir")).ok());
  auto file = ovl::OpenDirectory(tree.Path("file"));
  CHECK(!file.ok() && file.failure().err == ENOTDIR);
  auto none = ovl::OpenDirectory(tree.Path("none"));
  if (!CHECK(!none.ok())) return;
  CHECK_EQ(none.failure().err, ENOENT);
  CHECK_EQ(none.failure().path, tree.Path("none"));
  CHECK_EQ(std::string(none.failure().call), "open");
}

TEST(OpenFileAtDoesNotHangOnAFifo) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Fifo("fifo");
  tree.File("file", "abc");
  tree.Symlink("link", "file");
  auto root = ovl::OpenDirectory(temp.path());
  if (!CHECK(root.ok())) return;
  CHECK(ovl::OpenFileAt(root.value().get(), "fifo").ok());
  auto file = ovl::OpenFileAt(root.value().get(), "file");
  char text[8];
  CHECK(file.ok() && ::read(file.value().get(), text, sizeof text) == 3);
  auto link = ovl::OpenFileAt(root.value().get(), "link");
  CHECK(!link.ok() && link.failure().err == ELOOP);
}

TEST(OpenFileAtLeavesTheAccessTime) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("file", "abc");
  auto root = ovl::OpenDirectory(temp.path());
  if (!CHECK(root.ok())) return;
  auto file = ovl::OpenFileAt(root.value().get(), "file");
  char text[8];
  CHECK(file.ok() && ::read(file.value().get(), text, sizeof text) == 3);
  struct stat st {};
  auto there = ovl::StatAt(root.value().get(), "file", st);
  CHECK(there.ok() && there.value());
  CHECK_EQ(st.st_atim.tv_sec, Tree::kTime);
}

TEST(StatAtSaysWhatIsNotThere) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("file", "abc");
  tree.Symlink("dangling", "nowhere");
  auto root = ovl::OpenDirectory(temp.path());
  if (!CHECK(root.ok())) return;
  const int fd = root.value().get();
  struct stat st {};
  auto there = ovl::StatAt(fd, "file", st);
  CHECK(there.ok() && there.value() && S_ISREG(st.st_mode));
  CHECK_EQ(st.st_size, 3);
  there = ovl::StatAt(fd, "dangling", st);
  CHECK(there.ok() && there.value() && S_ISLNK(st.st_mode));
  for (const std::string& name : {std::string("none"), std::string("file/below"),
                                  std::string(256, 'x'), std::string("none/below")}) {
    there = ovl::StatAt(fd, name, st);
    CHECK(there.ok() && !there.value());
  }
  there = ovl::StatAt(-1, "file", st);
  if (!CHECK(!there.ok())) return;
  CHECK_EQ(there.failure().err, EBADF);
  CHECK_EQ(there.failure().path, "file");
}

TEST(ReadLinkAtTakesAnyLength) {
  const TempDir temp;
  Tree tree(temp.path());
  auto root = ovl::OpenDirectory(temp.path());
  if (!CHECK(root.ok())) return;
  for (const size_t length : {1U, 255U, 256U, 257U, 512U, 4095U}) {
    const std::string name = "link-" + std::to_string(length);
    const std::string target(length, 't');
    tree.Symlink(name, target);
    auto read = ovl::ReadLinkAt(root.value().get(), name);
    CHECK(read.ok() && read.value() == target);
  }
  tree.Symlink("bytes", "\xff \n\x01");
  auto bytes = ovl::ReadLinkAt(root.value().get(), "bytes");
  CHECK(bytes.ok() && bytes.value() == "\xff \n\x01");
  tree.File("file");
  auto file = ovl::ReadLinkAt(root.value().get(), "file");
  CHECK(!file.ok() && file.failure().err == EINVAL);
}

TEST(OpenParentAndPathOfFd) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a/b c");
  auto dir = ovl::OpenPath(tree.Path("a/b c"));
  if (!CHECK(dir.ok())) return;
  auto path = ovl::PathOfFd(dir.value().get());
  auto real = ovl::PathOfFd(ovl::OpenPath(temp.path()).value().get());
  if (!CHECK(path.ok() && real.ok())) return;
  CHECK_EQ(path.value(), real.value() + "/a/b c");
  auto parent = ovl::OpenParent(dir.value().get());
  if (!CHECK(parent.ok())) return;
  CHECK_EQ(ovl::PathOfFd(parent.value().get()).value(), real.value() + "/a");
  auto root = ovl::OpenPath("/");
  if (!CHECK(root.ok())) return;
  CHECK_EQ(ovl::PathOfFd(ovl::OpenParent(root.value().get()).value().get()).value(), "/");
}

TEST(StatOfDescriptors) {
  const TempDir temp;
  auto dir = ovl::OpenDirectory(temp.path());
  if (!CHECK(dir.ok())) return;
  auto st = ovl::StatFd(dir.value().get());
  CHECK(st.ok() && S_ISDIR(st.value().st_mode));
  auto fs = ovl::StatFs(dir.value().get());
  CHECK(fs.ok() && fs.value().f_type != 0);
  auto bad = ovl::StatFd(-1);
  CHECK(!bad.ok() && bad.failure().err == EBADF);
  auto bad_fs = ovl::StatFs(-1);
  CHECK(!bad_fs.ok() && bad_fs.failure().err == EBADF);
}

TEST(UniqueFdHasOneOwner) {
  const TempDir temp;
  const auto open = [](int fd) { return ::fcntl(fd, F_GETFD) >= 0; };
  ovl::UniqueFd first = std::move(ovl::OpenPath(temp.path()).value());
  const int number = first.get();
  CHECK(open(number));
  ovl::UniqueFd second = std::move(first);
  CHECK(!first);  // NOLINT(bugprone-use-after-move): what is left behind is the point
  CHECK_EQ(second.get(), number);
  second = ovl::UniqueFd(::open(temp.path().c_str(), O_PATH | O_CLOEXEC));
  CHECK(!open(number));
  const int released = second.Release();
  CHECK(!second);
  CHECK(open(released));
  errno = ENOENT;
  ovl::UniqueFd(released).Reset();
  CHECK_EQ(errno, ENOENT);
  CHECK(!open(released));
}
