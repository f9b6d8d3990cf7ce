#include "core/sys_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/kernel_statx.h"

namespace ovl {

namespace {

const char* OrNull(const std::optional<std::string>& text) {
  return text ? text->c_str() : nullptr;
}

Result<KernelStatx> StatxOf(int fd, unsigned mask) {
  KernelStatx out{};
  if (!Statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, out)) return Errno("statx");
  return out;
}

}  // namespace

Status Mount(const MountArgs& args) {
  if (args.data && args.data->size() > kMaxMountData) {
    return Refusal(E2BIG, "mount", "data-too-long", args.source.value_or(""), args.target);
  }
  if (::mount(OrNull(args.source), args.target.c_str(), OrNull(args.fstype), args.flags,
              OrNull(args.data)) != 0) {
    return Errno("mount", args.source.value_or(""), args.target);
  }
  return Done{};
}

Status Umount(const std::string& target, int flags) {
  if (::umount2(target.c_str(), flags) != 0) return Errno("umount2", target);
  return Done{};
}

Result<MountIdentity> IdentifyMount(int fd) {
  auto st = StatxOf(fd, kStatxMntId | kStatxMntIdUnique);
  if (!st.ok()) return std::move(st.failure());
  MountIdentity identity;
  identity.unique = (st.value().mask & kStatxMntIdUnique) != 0;
  if (!identity.unique && (st.value().mask & kStatxMntId) == 0) {
    return Refusal(ENOSYS, "statx", "no-mount-id");
  }
  identity.device = makedev(st.value().dev_major, st.value().dev_minor);
  identity.id = st.value().mnt_id;
  identity.root = (st.value().attributes & kStatxAttrMountRoot) != 0;
  return identity;
}

Result<uint64_t> TableMountId(int fd) {
  auto st = StatxOf(fd, kStatxMntId);
  if (!st.ok()) return std::move(st.failure());
  if ((st.value().mask & kStatxMntId) == 0) return Refusal(ENOSYS, "statx", "no-mount-id");
  return st.value().mnt_id;
}

}  // namespace ovl
