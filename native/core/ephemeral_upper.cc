#include "core/ephemeral_upper.h"

#include <sys/mount.h>

#include <cstdlib>

#include "core/sys_mount.h"
#include "core/tree_removal.h"

namespace ovl {

// Best effort on the way out of a failure that is already being reported.
TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) (void)RemoveTree(path_);
}

Status TemporaryDirectory::Make(const std::string& parent) {
  std::string path = parent + "/overlayfs-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return Errno("mkdtemp", path);
  path_ = std::move(path);
  return Done{};
}

// Best effort on the way out of a failure that is already being reported.
TmpfsAtPath::~TmpfsAtPath() {
  if (mounted_) (void)TakeOff();
}

Status TmpfsAtPath::Mount(const UpperSpec& upper) {
  auto made = directory_.Make(upper.path);
  if (!made.ok()) return made;
  MountArgs args;
  args.source = args.fstype = "tmpfs";
  args.target = directory_.path();
  args.data = "mode=0700";
  if (upper.size > 0) args.data->append(",size=").append(std::to_string(upper.size));
  if (upper.inodes > 0) args.data->append(",nr_inodes=").append(std::to_string(upper.inodes));
  auto mounted = ovl::Mount(args);
  mounted_ = mounted.ok();
  return mounted;
}

Status TmpfsAtPath::TakeOff() {
  auto off = Umount(directory_.path(), MNT_DETACH | UMOUNT_NOFOLLOW);
  mounted_ = !off.ok();
  return off;
}

}  // namespace ovl
