// Everything about an overlay that can be found out without mounting it.
#ifndef OVL_CORE_OVERLAY_INSPECTION_H_
#define OVL_CORE_OVERLAY_INSPECTION_H_

#include "core/finding.h"
#include "core/overlay_spec.h"

namespace ovl {

// Errors first. Nothing is created, changed or mounted; a layer that does not exist yet and would
// be created is no finding.
Findings InspectOverlay(const OverlaySpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_INSPECTION_H_
