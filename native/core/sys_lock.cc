#include "core/sys_lock.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cinttypes>
#include <cstdio>
#include <string>
#include <string_view>

#include "core/sys_file.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

constexpr size_t kMaxLocks = 4 * 1024 * 1024;

struct Lock {
  uint64_t pid = 0;
  unsigned major = 0;
  unsigned minor = 0;
  uint64_t inode = 0;
};

// "12: FLOCK  ADVISORY  WRITE 4711 fd:01:131090 0 EOF". One that is still waited for has "->"
// before FLOCK; those of pid namespaces that ours cannot see are left out by the kernel.
bool ParseFlock(const std::string& line, Lock& out) {
  return std::sscanf(  // NOLINT(cert-err34-c): a number out of range is nobody's pid or inode
             line.c_str(), "%*[0-9]: FLOCK ADVISORY WRITE %" SCNu64 " %x:%x:%" SCNu64, &out.pid,
             &out.major, &out.minor, &out.inode) == 4;
}

// The kernel names the device of the superblock. That of fstat(2) is another one on btrfs, where
// every subvolume has its own.
bool SameDevice(const Lock& lock, int fd, const struct stat& st) {
  if (lock.major == major(st.st_dev) && lock.minor == minor(st.st_dev)) return true;
  auto fs = StatFs(fd);
  return fs.ok() && static_cast<unsigned long>(fs.value().f_type) == BTRFS_SUPER_MAGIC;
}

}  // namespace

Result<bool> TryLock(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return Errno("flock");
}

Status Unlock(int fd) {
  if (::flock(fd, LOCK_UN) != 0) return Errno("flock");
  return Done{};
}

uint64_t LockHolder(int fd) {
  auto st = StatFd(fd);
  const UniqueFd locks(::open("/proc/locks", O_RDONLY | O_CLOEXEC));
  if (!st.ok() || !locks) return 0;
  auto text = ReadUpTo(locks.get(), kMaxLocks);
  if (!text.ok()) return 0;
  std::string_view rest = text.value();
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    Lock lock;
    if (ParseFlock(std::string(rest.substr(0, end)), lock) && lock.inode == st.value().st_ino &&
        SameDevice(lock, fd, st.value())) {
      return lock.pid;
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return 0;
}

}  // namespace ovl
