// A filesystem as long as it lives, whoever has it mounted.
#ifndef OVL_CORE_SYS_SUPERBLOCK_H_
#define OVL_CORE_SYS_SUPERBLOCK_H_

#include <sys/types.h>

namespace ovl {

// ustat(2) by the device that stat(2) gives: true where no filesystem has it any more, so that no
// mount, open file or other namespace is left of what had it. It waits for one that is just going.
//
// False says nothing. The number of a filesystem without a disk is given to the next one at once;
// the call is obsolete, so that some machines do not have it (arm64), and containers forbid it.
bool IsFilesystemGone(dev_t device);

}  // namespace ovl

#endif  // OVL_CORE_SYS_SUPERBLOCK_H_
