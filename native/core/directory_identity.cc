#include "core/directory_identity.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/lease.h"
#include "core/overlay_magic.h"

namespace ovl {

namespace {

// As in sys_mount.cc: the kernel's promise, newer than some headers.
constexpr unsigned kStatxIno = 0x100;
constexpr unsigned kStatxBtime = 0x800;

struct KernelStatx {
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint8_t owner_and_mode[16];
  uint64_t ino;
  uint8_t size_to_atime[40];
  int64_t born_seconds;
  uint32_t born_nanoseconds;
  uint8_t rest[164];
};
static_assert(sizeof(KernelStatx) == 256, "struct statx is 256 bytes on every architecture");
static_assert(offsetof(KernelStatx, ino) == 0x20, "stx_ino lies at 0x20");
static_assert(offsetof(KernelStatx, born_seconds) == 0x50, "stx_btime lies at 0x50");

constexpr unsigned long kExt = 0xef53;
constexpr unsigned long kBtrfs = 0x9123683e;
constexpr unsigned long kBcachefs = 0xca451a4e;
constexpr unsigned long kZfs = 0x2fc12fc1;
constexpr unsigned long kTmpfs = 0x01021994;
constexpr unsigned long kRamfs = 0x858458f6;
constexpr unsigned long kFuse = 0x65735546;
constexpr unsigned long kCifs = 0xff534d42;
constexpr unsigned long kSmb2 = 0xfe534d42;
constexpr unsigned long kNineP = 0x01021997;
constexpr unsigned long kVboxShared = 0x786f4256;

// f_fsid comes of what is written on the disk. That of others (xfs, f2fs) is the number of a
// device, which may be another one after the next start.
bool HasLastingNumber(unsigned long type) {
  return type == kExt || type == kBtrfs || type == kBcachefs || type == kZfs;
}

bool IsInMemory(unsigned long type) { return type == kTmpfs || type == kRamfs; }

// These may number a directory anew each time that it is looked up, or copied up.
bool HasPassingInodes(unsigned long type) {
  constexpr std::array kTypes = {kOverlayMagic, kFuse, kCifs, kSmb2, kNineP, kVboxShared};
  for (const unsigned long each : kTypes) {
    if (type == each) return true;
  }
  return false;
}

std::string Hexadecimal(uint64_t number) {
  char text[17];
  const int size = std::snprintf(text, sizeof text, "%" PRIx64, number);
  return {text, static_cast<size_t>(size)};
}

std::string Moment(const KernelStatx& st) {
  char text[40];
  const int size = std::snprintf(text, sizeof text, "%" PRId64 ".%09" PRIu32, st.born_seconds,
                                 st.born_nanoseconds);
  return {text, static_cast<size_t>(size)};
}

}  // namespace

Result<DirectoryIdentity> IdentifyDirectory(const std::string& path) {
  KernelStatx st{};
  if (::syscall(SYS_statx, AT_FDCWD, path.c_str(), 0, kStatxIno | kStatxBtime, &st) != 0) {
    return Errno("statx", path);
  }
  struct statfs fs;
  if (::statfs(path.c_str(), &fs) != 0) return Errno("statfs", path);
  const auto type = static_cast<unsigned long>(fs.f_type) & 0xffffffffUL;
  DirectoryIdentity identity;
  identity.type = Hexadecimal(type);
  if (HasPassingInodes(type)) return identity;
  identity.inode = std::to_string(st.ino);
  if ((st.mask & kStatxBtime) != 0) identity.born = Moment(st);
  if (HasLastingNumber(type) || IsInMemory(type)) {
    uint64_t number;
    static_assert(sizeof number == sizeof fs.f_fsid);
    std::memcpy(&number, &fs.f_fsid, sizeof number);
    identity.filesystem = Hexadecimal(number);
  }
  if (IsInMemory(type)) {
    auto boot = BootId();
    if (!boot.ok()) return std::move(boot.failure());
    identity.boot = std::move(boot.value());
  }
  return identity;
}

}  // namespace ovl
