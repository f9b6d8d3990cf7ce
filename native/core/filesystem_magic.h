// Filesystems by the number that statfs(2) gives (f_type): <linux/magic.h>, and the filesystems'
// own files where that has none.
#ifndef OVL_CORE_FILESYSTEM_MAGIC_H_
#define OVL_CORE_FILESYSTEM_MAGIC_H_

#include <algorithm>
#include <initializer_list>

namespace ovl::magic {

inline constexpr unsigned long kProc = 0x9fa0;
inline constexpr unsigned long kTmpfs = 0x01021994;
inline constexpr unsigned long kRamfs = 0x858458f6;
inline constexpr unsigned long kExt = 0xef53;
inline constexpr unsigned long kBtrfs = 0x9123683e;
inline constexpr unsigned long kF2fs = 0xf2f52010;
inline constexpr unsigned long kBcachefs = 0xca451a4e;
inline constexpr unsigned long kZfs = 0x2fc12fc1;
inline constexpr unsigned long kNfs = 0x6969;
inline constexpr unsigned long kSmb = 0x517b;
inline constexpr unsigned long kCifs = 0xff534d42;
inline constexpr unsigned long kSmb2 = 0xfe534d42;
inline constexpr unsigned long kCeph = 0x00c36400;
inline constexpr unsigned long kAfs = 0x5346414f;
inline constexpr unsigned long kFuse = 0x65735546;
inline constexpr unsigned long kV9fs = 0x01021997;
inline constexpr unsigned long kVboxShared = 0x786f4256;
inline constexpr unsigned long kMsdos = 0x4d44;
inline constexpr unsigned long kExfat = 0x2011bab0;

// f_type is signed on some C libraries, and wider on others than the number.
inline bool IsOneOf(unsigned long type, std::initializer_list<unsigned long> list) {
  return std::find(list.begin(), list.end(), type & 0xffffffffUL) != list.end();
}

}  // namespace ovl::magic

#endif  // OVL_CORE_FILESYSTEM_MAGIC_H_
