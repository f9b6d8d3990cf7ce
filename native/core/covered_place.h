// What a path led to before overlays were mounted over it: an overlay in place hides its own lower,
// and the path of that leads to the overlay. The table says it; nothing can be opened under a
// mount.
#ifndef OVL_CORE_COVERED_PLACE_H_
#define OVL_CORE_COVERED_PLACE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/mount_entry.h"

namespace ovl {

// A directory of a filesystem, wherever that is mounted.
struct InsidePlace {
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::string path;
  bool operator==(const InsidePlace&) const = default;
};

InsidePlace PlaceOn(const MountEntry& mount, std::string_view path);

// More than one where it cannot be told which of the other overlays over it were there before
// `overlay`. None where the mount that it lies on is not in the table.
std::vector<InsidePlace> PlacesUnderOverlays(const std::vector<MountEntry>& table,
                                             const MountEntry& overlay, std::string_view path);

}  // namespace ovl

#endif  // OVL_CORE_COVERED_PLACE_H_
