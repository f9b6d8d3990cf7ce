// What this process itself has open.
#ifndef OVL_CORE_OWN_DESCRIPTORS_H_
#define OVL_CORE_OWN_DESCRIPTORS_H_

#include <cstdint>

namespace ovl {

// Whether a descriptor of this process lies on a mount, by the id that IdentifyMount gives: the one
// of the mount table is used again at once. False too where nobody can tell. One call for every
// descriptor.
bool HoldsMount(uint64_t mount_id);

}  // namespace ovl

#endif  // OVL_CORE_OWN_DESCRIPTORS_H_
