// What keeps an apply from being made at all, asked before anything is done.
#ifndef OVL_CORE_APPLY_CHECKS_H_
#define OVL_CORE_APPLY_CHECKS_H_

#include <string>
#include <vector>

#include "core/apply_stage.h"
#include "core/layers.h"
#include "core/result.h"

namespace ovl {

// What in a destination nobody may touch, relative to it.
struct Occupied {
  std::vector<std::string> mounts;  // mount points
  std::vector<std::string> layers;  // of overlays that are mounted
};

// EBUSY with reason "destination-in-use" where the destination is a layer of a mounted overlay, or
// lies in the upper of one, in any mount namespace that can be seen: nothing is promised to a mount
// whose layers change. What lies somewhere in a lower is not refused: there are sandboxes with "/"
// as theirs.
Result<Occupied> CheckDestination(const Destination& destination);

// EBUSY with reason "upper-in-use" where an overlay has the upper: what is read from it could be
// half written. What cannot be seen: upper_search.h.
Status CheckUpperFree(const DirPtr& upper);

// EINVAL with reason "destination-in-layer" where the destination is or lies in a layer that it is
// not the whole of.
Status CheckApart(const Destination& destination, const Layers& layers);

}  // namespace ovl

#endif  // OVL_CORE_APPLY_CHECKS_H_
