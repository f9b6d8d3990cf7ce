// statx(2) with a layout of our own: it is the kernel's promise, and the headers of the
// distributions we build on are older than what is asked for.
#ifndef OVL_CORE_KERNEL_STATX_H_
#define OVL_CORE_KERNEL_STATX_H_

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace ovl {

struct KernelTime {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t unused;
};

struct KernelStatx {
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t unused;
  uint64_t ino;
  uint64_t size;
  uint64_t blocks;
  uint64_t attributes_mask;
  KernelTime atime;
  KernelTime btime;
  KernelTime ctime;
  KernelTime mtime;
  uint32_t rdev_major;
  uint32_t rdev_minor;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint64_t mnt_id;
  uint8_t rest[104];
};
static_assert(sizeof(KernelStatx) == 256, "struct statx is 256 bytes on every architecture");
static_assert(offsetof(KernelStatx, ino) == 0x20, "stx_ino lies at 0x20");
static_assert(offsetof(KernelStatx, btime) == 0x50, "stx_btime lies at 0x50");
static_assert(offsetof(KernelStatx, dev_major) == 0x88, "stx_dev_major lies at 0x88");
static_assert(offsetof(KernelStatx, mnt_id) == 0x90, "stx_mnt_id lies at 0x90");

// STATX_*
inline constexpr unsigned kStatxBasicStats = 0x7ff;
inline constexpr unsigned kStatxIno = 0x100;
inline constexpr unsigned kStatxBtime = 0x800;
inline constexpr unsigned kStatxMntId = 0x1000;
inline constexpr unsigned kStatxMntIdUnique = 0x4000;
inline constexpr uint64_t kStatxAttrImmutable = 0x10;
inline constexpr uint64_t kStatxAttrAppend = 0x20;
inline constexpr uint64_t kStatxAttrMountRoot = 0x2000;

// As the call itself: errno where it fails.
inline bool Statx(int dir, const char* path, int flags, unsigned mask, KernelStatx& out) {
  return ::syscall(SYS_statx, dir, path, flags, mask, &out) == 0;
}

}  // namespace ovl

#endif  // OVL_CORE_KERNEL_STATX_H_
