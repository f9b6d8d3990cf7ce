// What directories are known again by, and where an interrupted apply is seen without opening it.
#include "core/directory_identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "core/apply_stage.h"
#include "core/sys_mount.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

std::string TextOf(const std::string& path) {
  auto found = ovl::IdentifyDirectory(path);
  if (!CHECK(found.ok())) return {};
  const auto& [type, filesystem, inode, born, boot] = found.value();
  return type + " " + filesystem + " " + inode + " " + born + " " + boot;
}

}  // namespace

TEST(DirectoriesAreKnownAgain) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a");
  const std::string before = TextOf(tree.Path("a"));
  tree.File("a/file");
  tree.Mode("a", 0700);
  tree.Time("a", 1);
  CHECK_EQ(TextOf(tree.Path("a")), before);
  CHECK(::rename(tree.Path("a").c_str(), tree.Path("b").c_str()) == 0);
  tree.Dir("a");
  CHECK_EQ(TextOf(tree.Path("b")), before);
  CHECK(TextOf(tree.Path("a")) != before);
  auto missing = ovl::IdentifyDirectory(tree.Path("c"));
  CHECK(!missing.ok() && missing.failure().err == ENOENT);
}

TEST(DirectoriesUnderAMountAreOthers) {
  if (::geteuid() != 0) return check::Skip("mounting takes root");
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a");
  const std::string beneath = TextOf(tree.Path("a"));
  std::string texts[2];
  for (std::string& text : texts) {
    ovl::MountArgs args;
    args.source = "tmpfs";
    args.target = tree.Path("a");
    args.fstype = "tmpfs";
    auto mounted = ovl::Mount(args);
    if (!mounted.ok()) return check::Skip("mounting is not permitted");
    auto found = ovl::IdentifyDirectory(tree.Path("a"));
    CHECK(found.ok() && found.value().type == "1021994");
    CHECK(found.ok() && !found.value().boot.empty());
    text = TextOf(tree.Path("a"));
    CHECK(ovl::Umount(tree.Path("a"), 0).ok());
  }
  CHECK(texts[0] != texts[1]);
  CHECK_EQ(TextOf(tree.Path("a")), beneath);
}

TEST(StagesAreSeenByTheirNames) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a");
  CHECK(!ovl::ApplyStage::SeemsThere(tree.Path("a")));
  tree.Dir(".a.overlayfs-apply");
  CHECK(ovl::ApplyStage::SeemsThere(tree.Path("a")));
  tree.Remove(".a.overlayfs-apply");
  tree.Dir("a/.overlayfs-apply");
  CHECK(ovl::ApplyStage::SeemsThere(tree.Path("a")));
  const std::string longest(255, 'n');
  tree.Dir(longest + "/.overlayfs-apply");
  CHECK(ovl::ApplyStage::SeemsThere(tree.Path(longest)));
  CHECK(!ovl::ApplyStage::SeemsThere("/"));
}
