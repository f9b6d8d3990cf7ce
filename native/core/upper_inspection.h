// Upper and workdir of an overlay that somebody wants; either need not exist yet.
#ifndef OVL_CORE_UPPER_INSPECTION_H_
#define OVL_CORE_UPPER_INSPECTION_H_

#include <optional>
#include <string>
#include <vector>

#include "core/finding.h"
#include "core/layer_place.h"
#include "core/markers.h"
#include "core/mount_table.h"
#include "core/overlay_spec.h"

namespace ovl {

struct UpperPlaces {
  std::optional<LayerPlace> upper;  // of a temporary upper, the directory it is going to be in
  std::optional<LayerPlace> work;
};

// Adds what it finds to `out`. Places that cannot be used at all are left out of the answer.
UpperPlaces InspectUpper(const OverlaySpec& spec, MarkerSpace space,
                         const std::vector<MountEntry>& table, Findings& out);

// Whether an upper can be made in a directory, or in the nearest one above it that exists.
Findings InspectUpperParent(const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_UPPER_INSPECTION_H_
