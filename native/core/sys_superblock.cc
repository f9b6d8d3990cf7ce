#include "core/sys_superblock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace ovl {

bool IsFilesystemGone(dev_t device) {
#ifdef SYS_ustat
  // struct ustat has 32 bytes; nothing in it is of use.
  alignas(8) unsigned char out[32];
  // The kernel takes the number in 32 bits (new_encode_dev), as the C library has it in its lower
  // half wherever the major number has at most 12 bits and the minor 20.
  const auto number = static_cast<unsigned>(device);
  return static_cast<dev_t>(number) == device && ::syscall(SYS_ustat, number, out) != 0 &&
         errno == EINVAL;
#else
  (void)device;
  return false;
#endif
}

}  // namespace ovl
