#include "binding/packed.h"

#include <sys/sysmacros.h>

#include <cstdint>

namespace ovl {

namespace {

// The order of `types` in lib/packed.ts.
uint8_t TypeCode(mode_t type) {
  switch (type & S_IFMT) {
    case S_IFREG:
      return 1;
    case S_IFDIR:
      return 2;
    case S_IFLNK:
      return 3;
    case S_IFIFO:
      return 4;
    case S_IFSOCK:
      return 5;
    case S_IFCHR:
      return 6;
    case S_IFBLK:
      return 7;
    default:
      return 0;
  }
}

uint32_t Size(std::string_view text) { return static_cast<uint32_t>(text.size()); }

}  // namespace

// kind u8, type u8, previous type u8 (0: the same), flags u8 (1: content unknown, 2: unknown),
// aspects u16, path length u32, renamed-from length u32 (0: not renamed); path, renamed from
void PackedChanges::Add(const Change& change) {
  CountEntry();
  Put(static_cast<uint8_t>(change.kind));
  Put(TypeCode(change.type));
  Put(TypeCode(change.previous_type));
  Put(static_cast<uint8_t>((change.content_unknown ? 1 : 0) | (change.unknown ? 2 : 0)));
  Put(change.aspects);
  Put(Size(change.path));
  Put(Size(change.renamed_from));
  Put(change.path);
  Put(change.renamed_from);
}

// type u8, mode u16, uid u32, gid u32, links u32, device major u32 and minor u32, size u64, seconds
// i64 and nanoseconds u32 of the modification time, inode u64, filesystem u64, path length u32,
// target length u32, number of marks u16; path, target; for every mark: name length u16, value
// length u32, name, value
void PackedEntries::Add(const ScanEntry& entry) {
  const struct stat& st = entry.st;
  CountEntry();
  Put(TypeCode(st.st_mode));
  Put(static_cast<uint16_t>(st.st_mode & 07777));
  Put(static_cast<uint32_t>(st.st_uid));
  Put(static_cast<uint32_t>(st.st_gid));
  Put(static_cast<uint32_t>(st.st_nlink));
  Put(static_cast<uint32_t>(major(st.st_rdev)));
  Put(static_cast<uint32_t>(minor(st.st_rdev)));
  Put(static_cast<uint64_t>(st.st_size));
  Put(static_cast<int64_t>(st.st_mtim.tv_sec));
  Put(static_cast<uint32_t>(st.st_mtim.tv_nsec));
  Put(static_cast<uint64_t>(st.st_ino));
  Put(static_cast<uint64_t>(st.st_dev));
  Put(Size(entry.path));
  Put(Size(entry.target));
  Put(static_cast<uint16_t>(entry.marks.size()));
  Put(entry.path);
  Put(std::string_view(entry.target));
  for (const auto& [name, value] : entry.marks) {
    Put(static_cast<uint16_t>(name.size()));
    Put(Size(value));
    Put(std::string_view(name));
    Put(std::string_view(value));
  }
}

}  // namespace ovl
