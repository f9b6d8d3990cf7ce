// What a path led to before it was covered; on tables that no real namespace is needed for.
#include "core/covered_place.h"

#include <string>
#include <vector>

#include "test/check.h"

using ovl::InsidePlace;
using ovl::MountEntry;
using ovl::PlacesUnderOverlays;

namespace {

MountEntry Mount(uint64_t id, uint64_t parent, const std::string& target,
                 const std::string& fstype = "overlay", const std::string& root = "/") {
  MountEntry entry;
  entry.id = id;
  entry.parent = parent;
  entry.device_minor = static_cast<uint32_t>(id);
  entry.target = target;
  entry.fstype = fstype;
  entry.root = root;
  return entry;
}

// As "minor:path".
std::string Places(const std::vector<MountEntry>& table, size_t overlay, const std::string& path) {
  std::string text;
  for (const InsidePlace& place : PlacesUnderOverlays(table, table[overlay], path)) {
    if (!text.empty()) text += ' ';
    text += std::to_string(place.device_minor) + ":" + place.path;
  }
  return text;
}

}  // namespace

TEST(CoveredPlaceIsUnderAnOverlayInPlace) {
  const std::vector<MountEntry> table{
      Mount(1, 99, "/", "ext4", "/sub"),
      Mount(2, 1, "/d"),
      Mount(3, 1, "/da", "tmpfs"),
  };
  CHECK_EQ(Places(table, 1, "/d"), "1:/sub/d");
  CHECK_EQ(Places(table, 1, "/d/x"), "1:/sub/d/x");
  CHECK_EQ(Places(table, 1, "/da/x"), "3:/x");
}

TEST(CoveredPlaceIsTheMountBelowAnotherOverlay) {
  // Of a directory with a mount in it: each has an overlay, and that of the inner one lies on the
  // outer.
  const std::vector<MountEntry> table{
      Mount(1, 1, "/", "ext4"),
      Mount(2, 1, "/d"),
      Mount(3, 2, "/d/sub"),
      Mount(4, 1, "/d/sub", "tmpfs"),
  };
  CHECK_EQ(Places(table, 1, "/d"), "1:/d");
  // It may be that of the outer one as well, if the inner one was mounted afterwards.
  CHECK_EQ(Places(table, 2, "/d/sub"), "2:/sub 4:/");
}

TEST(CoveredPlaceIsNothingThatAMountHides) {
  const std::vector<MountEntry> table{
      Mount(1, 1, "/", "ext4"),
      Mount(2, 1, "/tmp", "tmpfs"),
      Mount(3, 1, "/tmp/d", "xfs"),
      Mount(4, 2, "/tmp/d"),
  };
  CHECK_EQ(Places(table, 3, "/tmp/d"), "2:/d");
}

TEST(CoveredPlaceIsUnknownUnderAnOverlayOnTheRoot) {
  const std::vector<MountEntry> table{Mount(2, 1, "/"), Mount(3, 2, "/proc", "proc")};
  CHECK_EQ(Places(table, 0, "/"), "");
  CHECK_EQ(Places(table, 0, "/proc"), "");
}
