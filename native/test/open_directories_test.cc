// Which directories stay open.
#include "core/open_directories.h"

#include <string>
#include <vector>

#include "core/layers.h"
#include "test/check.h"
#include "test/tree.h"

using ovl::DirPtr;
using ovl::OpenDirectories;

namespace {

constexpr size_t kMany = 400;  // more than stay open

struct Scene {
  Scene() : tree(temp.path()) {
    for (size_t i = 0; i < kMany; ++i) tree.Dir("d" + std::to_string(i) + "/below");
    auto opened = ovl::OpenLayer(temp.path(), 0);
    if (CHECK(opened.ok())) root = opened.value();
  }
  DirPtr Child(const DirPtr& parent, const std::string& name) {
    struct stat st;
    auto child = ovl::LayerDir::OpenedChild(parent, name, ovl::DirUse::kRead, st);
    return CHECK(child.ok() && child.value()) ? child.value() : root;
  }
  DirPtr Child(size_t i) { return Child(root, "d" + std::to_string(i)); }

  TempDir temp;
  Tree tree;
  DirPtr root;
};

size_t CountOpen(const std::vector<DirPtr>& dirs) {
  size_t open = 0;
  for (const DirPtr& dir : dirs) open += dir->IsOpen() ? 1 : 0;
  return open;
}

}  // namespace

TEST(OpenDirectoriesAreThoseOfUseLast) {
  Scene scene;
  OpenDirectories open;
  std::vector<DirPtr> dirs;
  for (size_t i = 0; i < kMany; ++i) {
    dirs.push_back(scene.Child(i));
    open.Use(dirs.back());
    open.Use(dirs.front());
    CHECK(CountOpen(dirs) <= 96);
  }
  CHECK(CountOpen(dirs) >= 72);
  CHECK(dirs.front()->IsOpen());
  CHECK(!dirs[1]->IsOpen());
  for (size_t i = kMany - 50; i < kMany; ++i) CHECK(dirs[i]->IsOpen());
  // Those that were closed are counted again when they are opened again.
  for (const DirPtr& dir : dirs) {
    CHECK(dir->Fd().ok());
    open.Use(dir);
    CHECK(CountOpen(dirs) <= 96);
  }
}

TEST(OpenDirectoriesCountWhatIsOpenAndNotUses) {
  Scene scene;
  OpenDirectories open;
  std::vector<DirPtr> dirs;
  for (size_t i = 0; i < 70; ++i) dirs.push_back(scene.Child(i));
  for (int again = 0; again < 10; ++again) {
    for (const DirPtr& dir : dirs) open.Use(dir);
  }
  // Those that are gone take no place.
  for (size_t i = 70; i < kMany; ++i) open.Use(scene.Child(i));
  CHECK_EQ(CountOpen(dirs), 70);
}

TEST(OpenDirectoriesKeepPinnedOnesInMind) {
  Scene scene;
  OpenDirectories open;
  const DirPtr pinned = scene.Child(0);
  open.Use(pinned);
  pinned->Pin();
  std::vector<DirPtr> dirs;
  const auto more = [&] {
    for (size_t i = 1; i < kMany; ++i) {
      dirs.push_back(scene.Child(i));
      open.Use(dirs.back());
    }
  };
  more();
  CHECK(pinned->IsOpen());
  pinned->Unpin();
  more();
  CHECK(!pinned->IsOpen());
  CHECK(CountOpen(dirs) <= 96);
}

// The way to a directory is opened with it, and nobody else says that it is of use.
TEST(OpenDirectoriesCountTheWayToOne) {
  Scene scene;
  OpenDirectories open;
  std::vector<DirPtr> above;
  for (size_t i = 0; i < kMany; ++i) {
    const DirPtr dir = scene.Child(i);
    const DirPtr below = scene.Child(dir, "below");
    below->Close();
    dir->Close();
    CHECK(below->Fd().ok());
    open.Use(below);
    above.push_back(dir);
  }
  CHECK(CountOpen(above) <= 96);
}
