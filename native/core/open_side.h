// The content of one file of an overlay, as it would be without the upper or as it is with it.
#ifndef OVL_CORE_OPEN_SIDE_H_
#define OVL_CORE_OPEN_SIDE_H_

#include <cstdint>
#include <string>

#include "core/layers.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

enum class Side : uint8_t { kBefore, kAfter };

// Opens a regular file for reading, in the layer that has its data. `path` is relative to the root
// of the overlay. ENOENT where that side has no such file, EINVAL (reason "not-a-file") where it is
// something else.
Result<UniqueFd> OpenSide(const Layers& layers, const std::string& path, Side side);

}  // namespace ovl

#endif  // OVL_CORE_OPEN_SIDE_H_
