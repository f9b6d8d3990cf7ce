#include "core/file_copy.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "core/sys_make.h"

namespace ovl {

namespace {

constexpr size_t kBuffer = 256 * 1024;
constexpr off_t kStep = off_t{8} * 1024 * 1024;
constexpr off_t kSmall = 128 * 1024;                  // read and written at once
constexpr unsigned long kClone = _IOW(0x94, 9, int);  // FICLONE of <linux/fs.h>

// What a filesystem, or a pair of them, answers that cannot do it this way.
bool CannotDoThat(int err) {
  return err == EOPNOTSUPP || err == ENOTTY || err == EXDEV || err == EINVAL || err == ENOSYS ||
         err == EPERM || err == ETXTBSY || err == EBADF;
}

}  // namespace

char* CopyFacts::Buffer() {
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kBuffer);
  return buffer_.get();
}

Result<bool> FileCopy::Step(CopyFacts& facts, dev_t to_device) {
  if (!started_) {
    started_ = true;
    // Bytes beyond the file's own size do not show.
    st_.st_size = std::min(st_.st_size, size_);
    if (st_.st_size == 0) {
      auto finished = Finish();
      if (!finished.ok()) return std::move(finished.failure());
      return false;
    }
    auto shared = Share(facts, to_device);
    if (!shared.ok()) return std::move(shared.failure());
    if (shared.value()) return false;
    const bool whole = st_.st_blocks * 512 >= st_.st_size;
    if (st_.st_size <= kSmall && whole) return CopySmall(facts);
  }
  for (off_t done = 0; done < kStep && at_ < st_.st_size;) {
    if (at_ >= extent_end_) {
      auto status = NextExtent();
      if (!status.ok()) return std::move(status.failure());
      continue;
    }
    auto copied = CopySome(facts, std::min(kStep - done, extent_end_ - at_));
    if (!copied.ok()) return std::move(copied.failure());
    if (copied.value() == 0) {
      at_ = st_.st_size;  // it was cut short while we read it
      break;
    }
    at_ += copied.value();
    written_ += copied.value();
    done += copied.value();
  }
  if (at_ < st_.st_size) return true;
  auto finished = Finish();
  if (!finished.ok()) return std::move(finished.failure());
  return false;
}

// One call for the whole file, whatever its size. True if it did.
Result<bool> FileCopy::Share(CopyFacts& facts, dev_t to_device) {
  if (!facts.MayShare(st_.st_dev, to_device)) return false;
  if (::ioctl(to_.get(), kClone, from_.get()) != 0) {
    if (!CannotDoThat(errno)) return Errno("ioctl");
    facts.NoSharing(st_.st_dev, to_device);
    return false;
  }
  auto finished = Finish();
  if (!finished.ok()) return std::move(finished.failure());
  return true;
}

Result<bool> FileCopy::CopySmall(CopyFacts& facts) {
  char* const buffer = facts.Buffer();
  const auto want = static_cast<size_t>(st_.st_size);
  size_t have = 0;
  while (have < want) {
    const ssize_t n = ::read(from_.get(), buffer + have, want - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("read");
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  auto written = WriteAll(to_.get(), buffer, have, 0);
  if (!written.ok()) return std::move(written.failure());
  written_ = static_cast<off_t>(have);
  if (static_cast<off_t>(have) == size_) return false;
  auto finished = Finish();
  if (!finished.ok()) return std::move(finished.failure());
  return false;
}

Status FileCopy::NextExtent() {
  const off_t data = ::lseek(from_.get(), at_, SEEK_DATA);
  if (data < 0 && errno != ENXIO) {
    if (errno != EINVAL) return Errno("lseek");
    extent_end_ = st_.st_size;  // the filesystem does not know where its holes are
    return Done{};
  }
  if (data < 0 || data >= st_.st_size) {
    at_ = st_.st_size;  // the rest is a hole
    return Done{};
  }
  const off_t hole = ::lseek(from_.get(), data, SEEK_HOLE);
  if (hole < 0) return Errno("lseek");
  at_ = data;
  extent_end_ = std::min(hole, st_.st_size);
  return Done{};
}

Result<off_t> FileCopy::CopySome(CopyFacts& facts, off_t most) {
  if (in_kernel_) {
    off_t from = at_;
    off_t to = at_;
    long n;
    do {
      n = ::syscall(SYS_copy_file_range, from_.get(), &from, to_.get(), &to,
                    static_cast<size_t>(most), 0U);
    } while (n < 0 && errno == EINTR);
    // Of some files (in /proc, on old kernels across filesystems) it gives nothing where there is
    // something.
    if (n > 0) return static_cast<off_t>(n);
    if (n < 0 && !CannotDoThat(errno)) return Errno("copy_file_range");
    in_kernel_ = false;
  }
  char* const buffer = facts.Buffer();
  const size_t want = std::min(kBuffer, static_cast<size_t>(most));
  for (;;) {
    const ssize_t n = ::pread(from_.get(), buffer, want, at_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("pread");
    auto written = WriteAll(to_.get(), buffer, static_cast<size_t>(n), at_);
    if (!written.ok()) return std::move(written.failure());
    return static_cast<off_t>(n);
  }
}

// A hole at the end has to be made, and what a shared copy has too much of to go.
Status FileCopy::Finish() {
  struct stat st;
  if (::fstat(to_.get(), &st) != 0) return Errno("fstat");
  if (st.st_size != size_ && ::ftruncate(to_.get(), size_) != 0) return Errno("ftruncate");
  return Done{};
}

}  // namespace ovl
