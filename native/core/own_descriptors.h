// What this process itself has open.
#ifndef OVL_CORE_OWN_DESCRIPTORS_H_
#define OVL_CORE_OWN_DESCRIPTORS_H_

#include <cstdint>

namespace ovl {

// Whether a descriptor of this process lies on a mount, by the id of the table of mounts (fdinfo of
// proc(5)); that of a detached mount is in no table, but there as well. False too where nobody can
// tell. One open and one read for every descriptor.
bool HoldsMount(uint64_t table_id);

}  // namespace ovl

#endif  // OVL_CORE_OWN_DESCRIPTORS_H_
