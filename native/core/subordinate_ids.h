// Which ids an ordinary user may map into a user namespace besides his own: subuid(5), subgid(5).
#ifndef OVL_CORE_SUBORDINATE_IDS_H_
#define OVL_CORE_SUBORDINATE_IDS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ovl {

struct IdExtent {
  uint32_t first = 0;
  uint32_t count = 0;
};

// Lines the kernel takes in one uid_map or gid_map (Linux 4.15).
inline constexpr size_t kMaxMapLines = 340;

// What the lines of such a file grant a user, by name or by number, in their order. A line that is
// not exactly "owner:first:count" in decimal digits, is empty, or runs past the last id grants
// nothing: newuidmap(1) would read some of them in another way, and nobody can have meant that.
std::vector<IdExtent> GrantedIds(std::string_view text, std::string_view name, uint32_t uid);

// Each id as itself: `own` first, then what is granted, without overlaps, in ascending order, every
// extent inside of one line of the file. Id 0 is left out even where it is granted: with it
// set-user-ID programs of root would take effect in the namespace. No more than kMaxMapLines.
std::vector<IdExtent> IdentityMap(uint32_t own, std::vector<IdExtent> granted);

}  // namespace ovl

#endif  // OVL_CORE_SUBORDINATE_IDS_H_
