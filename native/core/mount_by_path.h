// What the older mount(2) needs more than one call for. It takes paths, so descriptors are given to
// it as names in /proc.
#ifndef OVL_CORE_MOUNT_BY_PATH_H_
#define OVL_CORE_MOUNT_BY_PATH_H_

#include <string>

#include "core/result.h"
#include "core/sys_mount_tree.h"

namespace ovl {

// The name of an open file that resolves to it whatever has happened to its path.
std::string NameOfFd(int fd);

// mount(2) with MS_REMOUNT | MS_BIND. That sets all attributes of a mount at once and a user
// namespace may drop none it has inherited, so the present ones are passed again. `recursive`: of
// all mounts below as well, one by one; after a failure some are changed.
Status ChangeByRemount(int fd, bool recursive, const MountAttributeChange& change);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_BY_PATH_H_
