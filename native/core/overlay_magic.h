// How an overlay is recognised by statfs(2).
#ifndef OVL_CORE_OVERLAY_MAGIC_H_
#define OVL_CORE_OVERLAY_MAGIC_H_

#include <sys/vfs.h>

namespace ovl {

inline constexpr unsigned long kOverlayMagic = 0x794c7630;
inline constexpr unsigned long kStRdonly = 0x1;  // ST_RDONLY of f_flags

// f_type is signed on some C libraries, so both sides go through one unsigned type.
inline bool IsOverlay(const struct statfs& fs) {
  return static_cast<unsigned long>(fs.f_type) == kOverlayMagic;
}

inline bool IsReadOnly(const struct statfs& fs) {
  return (static_cast<unsigned long>(fs.f_flags) & kStRdonly) != 0;
}

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_MAGIC_H_
