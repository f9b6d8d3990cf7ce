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

  std::string list;
  CHECK(ovl::ListXattrsAt(dir.get(), "file", list).ok());
  CHECK(Has(list, "user.bytes") && Has(list, "user.empty"));
  std::string value;
  auto got = ovl::GetXattrAt(dir.get(), "file", "user.bytes", value);
  CHECK(got.ok() && got.value() && value == bytes);
  got = ovl::GetXattrAt(dir.get(), "file", "user.empty", value);
  CHECK(got.ok() && got.value() && value.empty());
  got = ovl::GetXattrAt(dir.get(), "file", "user.none", value);
  CHECK(got.ok() && !got.value());

  CHECK(ovl::ListXattrs(dir.get(), list).ok());
  CHECK(Has(list, "user.dir") && !Has(list, "user.bytes"));
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
  std::string list;
  CHECK(ovl::ListXattrsAt(dir.get(), "many", list).ok());
  CHECK(list.size() >= 40 * sizeof "user.a-rather-long-name-100");
  CHECK(Has(list, "user.a-rather-long-name-139"));
}

TEST(XattrsDoNotFollowLinks) {
  const TempDir temp;
  Tree tree(temp.path());
  const ovl::UniqueFd dir = OpenUsable(temp);
  if (!dir) return;
  tree.File("file");
  tree.Xattr("file", "user.x", "1");
  tree.Symlink("link", "file");
  std::string list;
  CHECK(ovl::ListXattrsAt(dir.get(), "link", list).ok());
  CHECK(!Has(list, "user.x"));
  std::string value;
  auto got = ovl::GetXattrAt(dir.get(), "link", "user.x", value);
  CHECK(got.ok() && !got.value());
  tree.Symlink("dangling", "nowhere");
  CHECK(ovl::ListXattrsAt(dir.get(), "dangling", list).ok());
}

TEST(XattrsFailWithTheName) {
  const TempDir temp;
  auto dir = ovl::OpenDirectory(temp.path());
  if (!CHECK(dir.ok())) return;
  std::string list;
  auto listed = ovl::ListXattrsAt(dir.value().get(), "none", list);
  CHECK(!listed.ok() && listed.failure().err == ENOENT && listed.failure().path == "none");
  std::string value;
  auto got = ovl::GetXattrAt(dir.value().get(), "none", "user.x", value);
  CHECK(!got.ok() && got.failure().err == ENOENT && got.failure().path == "none");
  CHECK(!ovl::ListXattrs(-1, list).ok());
  CHECK(!ovl::GetXattr(-1, "user.x", value).ok());
}
