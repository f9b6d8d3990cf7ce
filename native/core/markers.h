// The marks overlayfs leaves in a layer, read in this one place.
//
// Reference: Documentation/filesystems/overlayfs.rst in the kernel tree. A mount looks at
// "trusted.overlay." or, with the userxattr option, at "user.overlay."; names of the other
// namespace are ordinary attributes to it.
#ifndef OVL_CORE_MARKERS_H_
#define OVL_CORE_MARKERS_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ovl {

enum class MarkerSpace : uint8_t {
  kTrusted,
  kUser,
  kNone,  // a plain directory: nothing in it is a mark
};

// "trusted.overlay." or "user.overlay.".
std::string_view MarkerPrefix(MarkerSpace space);

// Which marks an attribute list holds.
struct Markers {
  bool opaque = false;
  bool redirect = false;
  bool metacopy = false;
  bool whiteout = false;
  bool nlink = false;   // a hard link that is kept together by an index
  bool origin = false;  // it was copied up
  bool any = false;     // one of these or of those that are mere bookkeeping
};

// `list` as listxattr(2) gives it: names ended by NUL.
Markers FindMarkers(std::string_view list, MarkerSpace space);

// The attribute names of a list that are overlayfs's own, of either namespace, in byte order.
std::vector<std::string> OverlayXattrs(std::string_view list);

// Full attribute name of a mark: MarkerName(kUser, "opaque") is "user.overlay.opaque".
std::string MarkerName(MarkerSpace space, std::string_view mark);

// A character device 0,0: exactly that, whatever its mode. Block 0,0 and character 0,1 are files.
inline bool IsWhiteoutDevice(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

// Only an empty regular file can be a whiteout by attribute.
inline bool MayBeXattrWhiteout(const struct stat& st) {
  return S_ISREG(st.st_mode) && st.st_size == 0;
}

// The attributes of a list that are visible through a mount, in byte order, by the name they have
// there. overlayfs hides its own names, and stores "overlay.x" set through a mount as
// "overlay.overlay.x": one level of that is undone. In a plain directory every name is visible.
struct VisibleXattr {
  std::string stored;   // name in the layer
  std::string visible;  // name through the mount
};
std::vector<VisibleXattr> VisibleXattrs(std::string_view list, MarkerSpace space);

}  // namespace ovl

#endif  // OVL_CORE_MARKERS_H_
