#include "core/sys_xattr.h"

#include <string>

#include "core/sys_file.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

// Opens a directory that can have user.* attributes, or skips the test.
ovl::UniqueFd OpenUsable(const TempDir& temp) {
  const std::string why = WhyNoUserXattrs(temp.path());
  if (!why.empty()) {
    check::Skip(why);
    return ovl::UniqueFd();
  }
  auto dir = ovl::OpenDirectory(temp.path());
  return CHECK(dir.ok()) ? std::move(dir.value()) : ovl::UniqueFd();
}

bool Has(const std::string& list, const std::string& name) {
  return list.find(name + '\0') != std::string::npos;
}

}  // namespace

TEST(XattrsByNameAndByDescriptor) {
  const TempDir temp;
  Tree tree(temp.path());
  const ovl::UniqueFd dir = OpenUsable(temp);
  if (!dir) return;
  const std::string bytes("a\0b\xff", 4);
  tree.File("file");
  tree.Xattr("file", "user.bytes", bytes);
  tree.Xattr("file", "user.empty", "");
  tree.Xattr("", "user.dir", "d");

  auto list = ovl::ListXattrsAt(dir.get(), "file");
  CHECK(list.ok() && Has(list.value(), "user.bytes") && Has(list.value(), "user.empty"));
  std::string value;
  auto got = ovl::GetXattrAt(dir.get(), "file", "user.bytes", value);
  CHECK(got.ok() && got.value() && value == bytes);
  got = ovl::GetXattrAt(dir.get(), "file", "user.empty", value);
  CHECK(got.ok() && got.value() && value.empty());
  got = ovl::GetXattrAt(dir.get(), "file", "user.none", value);
  CHECK(got.ok() && !got.value());

  list = ovl::ListXattrs(dir.get());
  CHECK(list.ok() && Has(list.value(), "user.dir"));
  got = ovl::GetXattr(dir.get(), "user.dir", value);
  CHECK(got.ok() && got.value() && value == "d");
  got = ovl::GetXattr(dir.get(), "user.none", value);
  CHECK(got.ok() && !got.value());
}

TEST(XattrsOfAnySize) {
  const TempDir temp;
  Tree tree(temp.path());
  const ovl::UniqueFd dir = OpenUsable(temp);
  if (!dir) return;
  tree.File("file");
  std::string value;
  // Around the first buffer; ext4 keeps all attributes of a file in one block.
  for (const size_t size : {511U, 512U, 513U, 2000U}) {
    const std::string content(size, 'v');
    tree.Xattr("file", "user.sized", content);
    auto got = ovl::GetXattrAt(dir.get(), "file", "user.sized", value);
    CHECK(got.ok() && got.value() && value == content);
  }
  tree.File("many");
  for (int i = 0; i < 40; ++i) {
    tree.Xattr("many", "user.a-rather-long-name-" + std::to_string(100 + i), "");
  }
  auto list = ovl::ListXattrsAt(dir.get(), "many");
  if (!CHECK(list.ok())) return;
  CHECK(list.value().size() >= 40 * sizeof "user.a-rather-long-name-100");
  CHECK(Has(list.value(), "user.a-rather-long-name-139"));
}

TEST(XattrsDoNotFollowLinks) {
  const TempDir temp;
  Tree tree(temp.path());
  const ovl::UniqueFd dir = OpenUsable(temp);
  if (!dir) return;
  tree.File("file");
  tree.Xattr("file", "user.x", "1");
  tree.Symlink("link", "file");
  auto list = ovl::ListXattrsAt(dir.get(), "link");
  CHECK(list.ok() && !Has(list.value(), "user.x"));
  std::string value;
  auto got = ovl::GetXattrAt(dir.get(), "link", "user.x", value);
  CHECK(got.ok() && !got.value());
  tree.Symlink("dangling", "nowhere");
  CHECK(ovl::ListXattrsAt(dir.get(), "dangling").ok());
}

TEST(XattrsFailWithTheName) {
  const TempDir temp;
  auto dir = ovl::OpenDirectory(temp.path());
  if (!CHECK(dir.ok())) return;
  auto list = ovl::ListXattrsAt(dir.value().get(), "none");
  CHECK(!list.ok() && list.failure().err == ENOENT && list.failure().path == "none");
  std::string value;
  auto got = ovl::GetXattrAt(dir.value().get(), "none", "user.x", value);
  CHECK(!got.ok() && got.failure().err == ENOENT && got.failure().path == "none");
  CHECK(!ovl::ListXattrs(-1).ok());
  CHECK(!ovl::GetXattr(-1, "user.x", value).ok());
}
