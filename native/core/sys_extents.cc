#include "core/sys_extents.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace ovl {

namespace {

constexpr uint32_t kExtents = 64;  // asked for at a time
// A file in more pieces is read: asking for them costs as much.
constexpr int kMostCalls = 64;
// Blocks that are not yet, or not only, where the answer says: of these nothing can be concluded.
constexpr uint32_t kUncertain = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |
                                FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED |
                                FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL |
                                FIEMAP_EXTENT_UNWRITTEN;

struct Map {
  alignas(
      struct fiemap) char bytes[sizeof(struct fiemap) + kExtents * sizeof(struct fiemap_extent)];

  struct fiemap* head() {
    return reinterpret_cast<struct fiemap*>(bytes);
  }
  const struct fiemap_extent& extent(uint32_t i) {
    return reinterpret_cast<const struct fiemap_extent*>(bytes + sizeof(struct fiemap))[i];
  }

  bool Read(int fd, uint64_t start, uint64_t end, uint32_t flags) {
    std::memset(bytes, 0, sizeof bytes);
    head()->fm_start = start;
    head()->fm_length = end - start;
    head()->fm_flags = flags;
    head()->fm_extent_count = kExtents;
    return ::ioctl(fd, FS_IOC_FIEMAP, head()) == 0;
  }
};

bool SameExtents(int a, int b, uint64_t size, uint32_t flags) {
  Map left;
  Map right;
  uint64_t start = 0;
  for (int calls = 0; calls < kMostCalls; ++calls) {
    if (!left.Read(a, start, size, flags) || !right.Read(b, start, size, flags)) return false;
    const uint32_t count = left.head()->fm_mapped_extents;
    // A file that is one hole has no blocks to share.
    if (count != right.head()->fm_mapped_extents || count == 0) return false;
    for (uint32_t i = 0; i < count; ++i) {
      const struct fiemap_extent& x = left.extent(i);
      const struct fiemap_extent& y = right.extent(i);
      if (((x.fe_flags | y.fe_flags) & kUncertain) != 0) return false;
      if ((x.fe_flags & y.fe_flags & FIEMAP_EXTENT_SHARED) == 0) return false;
      if (x.fe_logical != y.fe_logical || x.fe_length != y.fe_length ||
          x.fe_physical != y.fe_physical) {
        return false;
      }
      start = x.fe_logical + x.fe_length;
      if ((x.fe_flags & FIEMAP_EXTENT_LAST) != 0 || start >= size) return true;
    }
    if (count < kExtents) return true;
  }
  return false;
}

}  // namespace

// What was written and has not reached the disk is missing from the map unless it is flushed first,
// which is done only for files that look the same without: of those hardly anything can be dirty.
bool ShareAllExtents(int a, int b, off_t size) {
  const int saved = errno;
  const auto length = static_cast<uint64_t>(size);
  const bool share = SameExtents(a, b, length, 0) && SameExtents(a, b, length, FIEMAP_FLAG_SYNC);
  errno = saved;
  return share;
}

}  // namespace ovl
