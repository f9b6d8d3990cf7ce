#include "core/sys_dir.h"

#include <fcntl.h>

#include <string>

#include "core/sys_file.h"
#include "test/check.h"
#include "test/tree.h"

using ovl::NameList;

TEST(DirectoryNamesOfEveryType) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("file");
  tree.Dir("dir");
  tree.Symlink("link", "nowhere");
  tree.Fifo("fifo");
  tree.File("...");
  tree.File(".hidden");
  tree.File("\xff\xfe \n");
  tree.File(std::string(255, 'n'));
  auto fd = ovl::OpenDirectory(temp.path());
  if (!CHECK(fd.ok())) return;
  NameList list;
  auto more = ovl::ReadSomeNames(fd.value().get(), ovl::kInUpper, list);
  CHECK(more.ok() && more.value());
  more = ovl::ReadSomeNames(fd.value().get(), ovl::kInUpper, list);
  CHECK(more.ok() && !more.value());
  list.Sort();
  std::vector<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) names.emplace_back(list.name(i));
  CHECK_EQ(names, std::vector<std::string>{"...", ".hidden", "dir", "fifo", "file", "link",
                                           std::string(255, 'n'), "\xff\xfe \n"});
}

TEST(DirectoryNamesComeInPieces) {
  const TempDir temp;
  Tree tree(temp.path());
  constexpr size_t kCount = 3000;
  for (size_t i = 0; i < kCount; ++i) tree.File("name-" + std::to_string(10'000 + i));
  auto fd = ovl::OpenDirectory(temp.path());
  if (!CHECK(fd.ok())) return;
  NameList list;
  size_t calls = 0;
  for (bool more = true; more; ++calls) {
    auto read = ovl::ReadSomeNames(fd.value().get(), ovl::kInLower, list);
    if (!CHECK(read.ok())) return;
    more = read.value();
  }
  CHECK(calls > 2);
  list.Sort();
  if (!CHECK_EQ(list.size(), kCount)) return;
  CHECK_EQ(list.name(kCount - 1), std::string_view("name-12999"));
  CHECK(!list.InUpper(0));
}

TEST(DirectoryNamesFail) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("file");
  auto dir = ovl::OpenDirectory(temp.path());
  if (!CHECK(dir.ok())) return;
  auto file = ovl::OpenFileAt(dir.value().get(), "file");
  if (!CHECK(file.ok())) return;
  NameList list;
  auto read = ovl::ReadSomeNames(file.value().get(), ovl::kInUpper, list);
  if (!CHECK(!read.ok())) return;
  CHECK_EQ(read.failure().err, ENOTDIR);
  CHECK_EQ(std::string(read.failure().call), "getdents64");
}
