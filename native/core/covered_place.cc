#include "core/covered_place.h"

#include <algorithm>

#include "core/layer_ancestry.h"

namespace ovl {

namespace {

// What is mounted on nothing that the table has: the root of the process.
bool IsTop(const std::vector<MountEntry>& table, const MountEntry& mount) {
  return std::none_of(table.begin(), table.end(), [&](const MountEntry& each) {
    return each.id == mount.parent && each.id != mount.id;
  });
}

}  // namespace

InsidePlace PlaceOn(const MountEntry& mount, std::string_view path) {
  return {mount.device_major, mount.device_minor, InsidePath(mount, path)};
}

std::vector<InsidePlace> PlacesUnderOverlays(const std::vector<MountEntry>& table,
                                             const MountEntry& overlay, std::string_view path) {
  const auto leads_to = [&](const MountEntry& mount) {
    return mount.id != overlay.id && NamesWithin(path, mount.target);
  };
  std::vector<const MountEntry*> reached;
  for (const MountEntry& mount : table) {
    if (leads_to(mount) && IsTop(table, mount)) reached.push_back(&mount);
  }
  std::vector<InsidePlace> places;
  // Each is reached once, but in a table that has changed while it was read.
  for (size_t i = 0; i < std::min(reached.size(), table.size()); ++i) {
    const MountEntry& at = *reached[i];
    // Past an overlay the path leads on both ways; every other mount hides what is under it, and
    // the first one on the way hides the others.
    const MountEntry* hiding = nullptr;
    for (const MountEntry& mount : table) {
      if (mount.parent != at.id || mount.id == at.id || !leads_to(mount)) continue;
      if (mount.fstype == "overlay") {
        reached.push_back(&mount);
      } else if (hiding == nullptr || mount.target.size() < hiding->target.size()) {
        hiding = &mount;
      }
    }
    if (hiding != nullptr) {
      reached.push_back(hiding);
    } else {
      places.push_back(PlaceOn(at, path));
    }
  }
  return places;
}

}  // namespace ovl
