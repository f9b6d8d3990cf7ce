#include "core/compare.h"

#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/filesystem_magic.h"
#include "core/sys_extents.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr size_t kPiece = 256 * 1024;
constexpr size_t kFirstPiece = 16 * 1024;  // most files that differ do so early
constexpr size_t kStep = 1024 * 1024;
constexpr off_t kWorthAsking = 64 * 1024;  // smaller files are read as fast as asked about

Result<UniqueFd> OpenContent(const LayerEntry& entry) {
  auto dir = entry.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto fd = OpenFileAt(dir.value(), entry.name);
  if (!fd.ok()) return Located(std::move(fd.failure()), entry.dir, entry.name);
  return fd;
}

// Fewer blocks (of 512 bytes, stat(2)) than there are bytes: holes, or data that is stored
// compressed.
bool HasHoles(const struct stat& st) { return st.st_blocks < st.st_size / 512; }

// FUSE asks the server, which may not have been given yet what was written (kernel: fuse_lseek).
bool TellsHoles(int fd) {
  struct statfs fs;
  return ::fstatfs(fd, &fs) == 0 &&
         !magic::IsOneOf(static_cast<unsigned long>(fs.f_type), {magic::kFuse});
}

// pread(2) of exactly `size` bytes, or fewer at the end of the file.
Result<size_t> ReadAll(int fd, char* to, size_t size, off_t offset, const LayerEntry& entry) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd, to + done, size - done, offset + static_cast<off_t>(done));
    if (n < 0) {
      if (errno == EINTR) continue;
      return Located(Errno("pread"), entry.dir, entry.name);
    }
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

}  // namespace

Aspects CompareStat(const struct stat& before, const struct stat& after) {
  Aspects aspects = 0;
  if ((before.st_mode & 07777) != (after.st_mode & 07777)) aspects |= kAspectMode;
  if (before.st_uid != after.st_uid || before.st_gid != after.st_gid) aspects |= kAspectOwner;
  if (S_ISDIR(after.st_mode)) return aspects;  // times and size of a directory say nothing
  if (before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
      before.st_mtim.tv_nsec != after.st_mtim.tv_nsec) {
    aspects |= kAspectTimes;
  }
  if ((S_ISCHR(after.st_mode) || S_ISBLK(after.st_mode)) && before.st_rdev != after.st_rdev) {
    aspects |= kAspectDevice;
  }
  return aspects;
}

Result<bool> SameXattrs(Found& before, Found& after, const MarkReader& marks) {
  // Read first: the marks may be what decides which names are theirs.
  for (Found* side : {&before, &after}) {
    const LayerEntry& entry = side->top;
    auto listed = ListXattrsOf(entry, side->xattrs);
    if (!listed.ok()) return std::move(listed.failure());
    auto read = marks.Read(side->xattrs.names, entry.dir, entry.name);
    if (!read.ok()) return std::move(read.failure());
  }
  const auto a = VisibleXattrs(before.xattrs.names, marks.space());
  const auto b = VisibleXattrs(after.xattrs.names, marks.space());
  if (a.size() != b.size()) return false;
  std::string before_value;
  std::string after_value;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].visible != b[i].visible) return false;
    auto before_got = GetXattrOf(before.top, a[i].stored, before_value);
    if (!before_got.ok()) return std::move(before_got.failure());
    auto after_got = GetXattrOf(after.top, b[i].stored, after_value);
    if (!after_got.ok()) return std::move(after_got.failure());
    if (before_got.value() != after_got.value()) return false;
    if (after_got.value() && before_value != after_value) return false;
  }
  return true;
}

Result<bool> SameTarget(const LayerEntry& before, const LayerEntry& after) {
  auto a = before.dir->Fd();
  if (!a.ok()) return std::move(a.failure());
  auto b = after.dir->Fd();
  if (!b.ok()) return std::move(b.failure());
  auto before_target = ReadLinkAt(a.value(), before.name);
  if (!before_target.ok())
    return Located(std::move(before_target.failure()), before.dir, before.name);
  auto after_target = ReadLinkAt(b.value(), after.name);
  if (!after_target.ok()) return Located(std::move(after_target.failure()), after.dir, after.name);
  return before_target.value() == after_target.value();
}

Result<std::unique_ptr<ContentComparison>> ContentComparison::Open(const LayerEntry& before,
                                                                   const LayerEntry& after,
                                                                   bool always) {
  std::unique_ptr<ContentComparison> out(new ContentComparison);
  auto a = OpenContent(before);
  if (!a.ok()) return std::move(a.failure());
  auto b = OpenContent(after);
  if (!b.ok()) return std::move(b.failure());
  out->before_ = std::move(a.value());
  out->after_ = std::move(b.value());
  out->size_ = after.st.st_size;
  out->same_size_ = before.st.st_size == after.st.st_size;
  if (!out->same_size_) return out;
  const bool may_share = before.st.st_dev == after.st.st_dev && out->size_ >= kWorthAsking;
  if (!always && may_share) {
    out->offset_ = SharedLength(out->before_.get(), out->after_.get(), out->size_);
  }
  out->sparse_ = out->size_ >= kWorthAsking && HasHoles(before.st) && HasHoles(after.st) &&
                 TellsHoles(out->before_.get()) && TellsHoles(out->after_.get());
  out->piece_ = kFirstPiece;
  return out;
}

// What is a hole on both sides is equal, however long it is (lseek(2), SEEK_DATA).
void ContentComparison::PassHoles() {
  off_t data = size_;
  for (const int fd : {before_.get(), after_.get()}) {
    const off_t next = ::lseek(fd, offset_, SEEK_DATA);
    if (next >= 0) {
      data = std::min(data, next);
    } else if (errno != ENXIO) {  // ENXIO: a hole to the end
      sparse_ = false;            // not told by every filesystem
      return;
    }
  }
  offset_ = data;
}

Result<ContentComparison::State> ContentComparison::Step(const LayerEntry& before,
                                                         const LayerEntry& after,
                                                         PieceBuffers& buffers) {
  if (!same_size_) return State::kDifferent;
  for (size_t done = 0; done < kStep && offset_ < size_;) {
    if (sparse_) PassHoles();
    if (offset_ == size_) break;
    char* const a = buffers.Of(piece_);
    char* const b = a + piece_;
    const size_t want = std::min({piece_, kStep - done, static_cast<size_t>(size_ - offset_)});
    auto read_a = ReadAll(before_.get(), a, want, offset_, before);
    if (!read_a.ok()) return std::move(read_a.failure());
    auto read_b = ReadAll(after_.get(), b, want, offset_, after);
    if (!read_b.ok()) return std::move(read_b.failure());
    if (read_a.value() != read_b.value() || std::memcmp(a, b, read_a.value()) != 0) {
      return State::kDifferent;
    }
    if (read_a.value() < want) return State::kSame;  // both were cut short while we looked
    offset_ += static_cast<off_t>(want);
    done += want;
    if (offset_ < size_) {
      piece_ = std::max(piece_, std::min(kPiece, static_cast<size_t>(size_ - offset_)));
    }
  }
  return offset_ >= size_ ? State::kSame : State::kMore;
}

}  // namespace ovl
