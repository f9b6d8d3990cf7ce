#include "core/sys_extents.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <algorithm>
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

// Whether equal addresses are equal blocks: where a filesystem has several devices it may count the
// blocks of each from the start (XFS the files of its realtime device).
bool OneAddressSpace(int a, int b) {
  struct statfs fs;
  if (::fstatfs(a, &fs) != 0) return false;
  if (fs.f_type == BTRFS_SUPER_MAGIC) return true;
  if (fs.f_type != XFS_SUPER_MAGIC) return false;
  for (const int fd : {a, b}) {
    struct fsxattr attributes;
    if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return false;
    if ((attributes.fsx_xflags & FS_XFLAG_REALTIME) != 0) return false;
  }
  return true;
}

// One side of a comparison: the extents from where it stands.
class Extents {
 public:
  // Whether there is one.
  bool Read(int fd, uint64_t start, uint64_t end, uint32_t flags) {
    index_ = 0;
    return map_.Read(fd, start, end, flags) && !Used();
  }
  bool Used() { return index_ == map_.head()->fm_mapped_extents; }
  const struct fiemap_extent& Now() { return map_.extent(index_); }
  uint64_t End() { return Now().fe_logical + Now().fe_length; }
  void Pass(uint64_t position) {
    if (End() <= position) ++index_;
  }

 private:
  Map map_;
  uint32_t index_ = 0;
};

// Whether what lies at such a position of both is the same block.
bool SameBlock(const struct fiemap_extent& x, const struct fiemap_extent& y, uint64_t position) {
  return ((x.fe_flags | y.fe_flags) & kUncertain) == 0 &&
         (x.fe_flags & y.fe_flags & FIEMAP_EXTENT_SHARED) != 0 && x.fe_logical <= position &&
         y.fe_logical <= position && x.fe_physical - x.fe_logical == y.fe_physical - y.fe_logical;
}

// Where the two begin to differ, or either is at its end. The same blocks may be told of in extents
// of different lengths: those of XFS are cut where sharing ends, and it is a moment after a copy-up
// that the last, partial block of a file ceases to be shared.
uint64_t SameUntil(Extents& left, Extents& right, uint64_t position) {
  while (!left.Used() && !right.Used()) {
    // A hole in both.
    position =
        std::max<uint64_t>(position, std::min(left.Now().fe_logical, right.Now().fe_logical));
    if (!SameBlock(left.Now(), right.Now(), position)) return position;
    position = std::min(left.End(), right.End());
    left.Pass(position);
    right.Pass(position);
  }
  return position;
}

// XFS does not share the last, partial block of a file, so that the answer is hardly ever all of
// it.
uint64_t SameExtents(int a, int b, uint64_t size, uint32_t flags) {
  Extents left;
  Extents right;
  uint64_t same = 0;
  for (int calls = 0; calls < kMostCalls && same < size; ++calls) {
    // Where nothing more is mapped the rest may be a hole in both, but it may also be data that has
    // no blocks yet.
    if (!left.Read(a, same, size, flags) || !right.Read(b, same, size, flags)) return same;
    const uint64_t until = SameUntil(left, right, same);
    if (until == same) return same;
    same = until;
  }
  return std::min(same, size);
}

}  // namespace

// What was written and has not reached the disk is missing from the map unless it is flushed first,
// which is done only for files that look the same without: of those hardly anything can be dirty.
off_t SharedLength(int a, int b, off_t size) {
  const int saved = errno;
  uint64_t same = 0;
  if (OneAddressSpace(a, b)) same = SameExtents(a, b, static_cast<uint64_t>(size), 0);
  if (same > 0) same = SameExtents(a, b, same, FIEMAP_FLAG_SYNC);
  errno = saved;
  return static_cast<off_t>(same);
}

}  // namespace ovl
