// Where a mount is to be attached.
#ifndef OVL_CORE_MOUNT_PLACE_H_
#define OVL_CORE_MOUNT_PLACE_H_

#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

struct MountPlace {
  UniqueFd fd;       // O_PATH: what is attached goes exactly there, whatever happens to the name
  std::string path;  // resolved
};

// Resolves a mount point: a directory, and one of which it can be told afterwards what is mounted.
Result<MountPlace> OpenPlace(const std::string& target);

// Attaches a detached mount: below what is mounted there now if `beneath`, and with that
// propagation (MS_PRIVATE and so on; 0: what comes of its parent). After a failure it is not
// attached, or the failure says so (reason "left-mounted").
Status AttachMount(int mount, const MountPlace& place, bool beneath, uint64_t propagation);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_PLACE_H_
