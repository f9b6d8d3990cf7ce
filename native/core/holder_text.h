// Who has an upper in use, as the part of a sentence that follows "in use: ".
#ifndef OVL_CORE_HOLDER_TEXT_H_
#define OVL_CORE_HOLDER_TEXT_H_

#include <optional>
#include <string>

#include "core/lease.h"
#include "core/upper_search.h"

namespace ovl {

// It is locked by the process `pid` (0: by one that our pid namespace cannot see).
std::string LockHolderText(uint64_t pid, const std::optional<LeaseHolder>& lease);

// It is mounted: as found in a mount table, or, without that, as only the kernel knows.
std::string MountHolderText(const std::optional<FoundOverlay>& found,
                            const std::optional<LeaseHolder>& lease);

}  // namespace ovl

#endif  // OVL_CORE_HOLDER_TEXT_H_
