#include "core/sys_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace ovl {

namespace {

// Numbers and layouts of our own: they are the kernel's promise, and the headers of the
// distributions we build on are older than the calls.
constexpr unsigned kStatxMntId = 0x1000;
constexpr unsigned kStatxMntIdUnique = 0x4000;
constexpr uint64_t kStatxAttrMountRoot = 0x2000;

struct KernelStatx {
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint8_t skipped[120];
  uint32_t dev_major;
  uint32_t dev_minor;
  uint64_t mnt_id;
  uint8_t rest[104];
};
static_assert(sizeof(KernelStatx) == 256, "struct statx is 256 bytes on every architecture");
static_assert(offsetof(KernelStatx, dev_major) == 0x88, "stx_dev_major lies at 0x88");
static_assert(offsetof(KernelStatx, mnt_id) == 0x90, "stx_mnt_id lies at 0x90");

const char* OrNull(const std::optional<std::string>& text) {
  return text ? text->c_str() : nullptr;
}

Result<KernelStatx> Statx(int fd, unsigned mask) {
  KernelStatx out{};
  if (::syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, &out) != 0) {
    return Errno("statx");
  }
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
  auto st = Statx(fd, kStatxMntId | kStatxMntIdUnique);
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
  auto st = Statx(fd, kStatxMntId);
  if (!st.ok()) return std::move(st.failure());
  if ((st.value().mask & kStatxMntId) == 0) return Refusal(ENOSYS, "statx", "no-mount-id");
  return st.value().mnt_id;
}

}  // namespace ovl
