// The mounts that a user of overlays makes besides: bind mounts and tmpfs, moving, changing what is
// mounted. Each operation either is done whole or leaves nothing behind.
//
// Through the newer calls a mount is complete before anybody can see it. mount(2) makes it first
// and changes it then, and between the two it is seen as it was: a read-only bind mount is writable
// for that long.
#ifndef OVL_CORE_MOUNT_CALLS_H_
#define OVL_CORE_MOUNT_CALLS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/sys_mount_tree.h"

namespace ovl {

struct MadeMount {
  std::string path;  // the mount point, resolved
  uint64_t id = 0;   // see MountIdentity
};

// What is not named in `change` is as the source's mount has it.
struct BindSpec {
  std::string source;
  std::string target;
  bool recursive = false;  // with what is mounted below; `change` is for all of it
  MountAttributeChange change;
  MountInterface interface = MountInterface::kAuto;
};
Result<MadeMount> BindMount(const BindSpec& spec);

struct TmpfsSpec {
  std::string target;
  std::optional<uint64_t> size;    // bytes; nothing: the kernel's default, half of the memory
  std::optional<uint64_t> inodes;  // nothing: the kernel's default
  std::optional<uint32_t> mode;    // of the root; nothing: 01777
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  MountAttributeChange change;  // `clear` is of no meaning: a new mount has none
  MountInterface interface = MountInterface::kAuto;
};
Result<MadeMount> MountTmpfs(const TmpfsSpec& spec);

struct MoveSpec {
  std::string source;  // a mount point
  std::string target;
  bool beneath = false;  // below what is mounted on the target now
  MountInterface interface = MountInterface::kAuto;
};
Status MoveMountPoint(const MoveSpec& spec);

// Changes what is named in `change` and keeps every other attribute.
struct ChangeSpec {
  std::string target;      // a mount point
  bool recursive = false;  // of the propagation only
  MountAttributeChange change;
  MountInterface interface = MountInterface::kAuto;
};
Status ChangeMount(const ChangeSpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_CALLS_H_
