// What can be wrong with lowers: how they lie to each other and to the rest of the mounts.
#ifndef OVL_CORE_LOWER_CHECK_H_
#define OVL_CORE_LOWER_CHECK_H_

#include <optional>
#include <vector>

#include "core/finding.h"
#include "core/layer_place.h"
#include "core/mount_table.h"
#include "core/submounts.h"

namespace ovl {

// Lowers that are or lie inside another layer. `lowers` in the order of the spec, data-only ones
// last; null where there is no upper.
Findings FindOverlaps(const std::vector<LayerPlace>& lowers, const LayerPlace* upper,
                      const LayerPlace* work, const std::vector<MountEntry>& table);

// A lower on an overlay that has an overlay below it: the kernel stacks two.
std::optional<Finding> FindTooDeep(const LayerPlace& lower, const std::vector<MountEntry>& table);

// Mounts below a lower, which the overlay will not show ("submounts-hidden"), or because of which
// the kernel does not take it ("lower-locked-mounts"); a mount that may not be copied
// ("lower-unbindable").
std::optional<Finding> FindSubmounts(const LayerPlace& lower, SubmountSearch& search);

// The warning alone.
Finding SubmountsHidden(const std::string& path, const Submounts& submounts);

}  // namespace ovl

#endif  // OVL_CORE_LOWER_CHECK_H_
