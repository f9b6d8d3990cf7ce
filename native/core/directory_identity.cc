#include "core/directory_identity.h"

#include <fcntl.h>
#include <sys/vfs.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/filesystem_magic.h"
#include "core/kernel_statx.h"
#include "core/lease.h"
#include "core/overlay_magic.h"

namespace ovl {

namespace {

// f_fsid comes of what is written on the disk. That of others (xfs, f2fs) is the number of a
// device, which may be another one after the next start.
bool HasLastingNumber(unsigned long type) {
  return magic::IsOneOf(type, {magic::kExt, magic::kBtrfs, magic::kBcachefs, magic::kZfs});
}

bool IsInMemory(unsigned long type) { return magic::IsOneOf(type, {magic::kTmpfs, magic::kRamfs}); }

// These may number a directory anew each time that it is looked up, or copied up.
bool HasPassingInodes(unsigned long type) {
  return magic::IsOneOf(type, {kOverlayMagic, magic::kFuse, magic::kCifs, magic::kSmb2,
                               magic::kV9fs, magic::kVboxShared});
}

std::string Hexadecimal(uint64_t number) {
  char text[17];
  const int size = std::snprintf(text, sizeof text, "%" PRIx64, number);
  return {text, static_cast<size_t>(size)};
}

std::string Moment(const KernelTime& time) {
  char text[40];
  const int size =
      std::snprintf(text, sizeof text, "%" PRId64 ".%09" PRIu32, time.seconds, time.nanoseconds);
  return {text, static_cast<size_t>(size)};
}

}  // namespace

Result<DirectoryIdentity> IdentifyDirectory(const std::string& path) {
  KernelStatx st{};
  if (!Statx(AT_FDCWD, path.c_str(), 0, kStatxIno | kStatxBtime, st)) return Errno("statx", path);
  struct statfs fs;
  if (::statfs(path.c_str(), &fs) != 0) return Errno("statfs", path);
  const auto type = static_cast<unsigned long>(fs.f_type) & 0xffffffffUL;
  DirectoryIdentity identity;
  identity.type = Hexadecimal(type);
  if (HasPassingInodes(type)) return identity;
  identity.inode = std::to_string(st.ino);
  if ((st.mask & kStatxBtime) != 0) identity.born = Moment(st.btime);
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
