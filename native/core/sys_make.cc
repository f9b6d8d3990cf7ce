#include "core/sys_make.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/kernel_statx.h"

namespace ovl {

namespace {

// The same on every architecture; missing from the headers of older distributions.
constexpr long kSetxattrat = 463;
constexpr uint64_t kFixed = kStatxAttrImmutable | kStatxAttrAppend;

struct XattrArgs {
  uint64_t value;
  uint32_t size;
  uint32_t flags;
};

struct timespec TimeOf(const KernelTime& time) {
  struct timespec out {};
  out.tv_sec = static_cast<time_t>(time.seconds);
  out.tv_nsec = static_cast<long>(time.nanoseconds);
  return out;
}

// ENOSYS, or EPERM from a seccomp profile that does not know the number. What is asked is a name
// that is too long for any filesystem: a kernel that has the call says so.
bool HaveSetxattrat() {
  static const bool have = [] {
    const int saved = errno;
    const std::string_view value = "x";
    XattrArgs args{reinterpret_cast<uint64_t>(value.data()), 1, 0};
    const std::string name(300, 'x');
    const long n = ::syscall(kSetxattrat, AT_FDCWD, name.c_str(), AT_SYMLINK_NOFOLLOW, "user.x",
                             &args, sizeof args);
    const bool missing = n < 0 && (errno == ENOSYS || errno == EPERM);
    errno = saved;
    return !missing;
  }();
  return have;
}

}  // namespace

Result<UniqueFd> CreateFileAt(int dir, const std::string& name, mode_t mode) {
  UniqueFd fd(
      ::openat(dir, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) return Errno("openat", name);
  return fd;
}

Status WriteAll(int fd, const char* data, size_t size, off_t offset) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = ::pwrite(fd, data + done, size - done, offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("pwrite");
    done += static_cast<size_t>(n);
  }
  return Done{};
}

Status MakeDirectoryAt(int dir, const std::string& name, mode_t mode) {
  if (::mkdirat(dir, name.c_str(), mode) != 0) return Errno("mkdirat", name);
  return Done{};
}

Status MakeNodeAt(int dir, const std::string& name, mode_t mode, dev_t device) {
  if (::mknodat(dir, name.c_str(), mode, device) != 0) return Errno("mknodat", name);
  return Done{};
}

Status MakeSymlinkAt(const std::string& target, int dir, const std::string& name) {
  if (::symlinkat(target.c_str(), dir, name.c_str()) != 0) return Errno("symlinkat", name);
  return Done{};
}

Status LinkAt(int from, const std::string& from_name, int to, const std::string& to_name) {
  if (::linkat(from, from_name.c_str(), to, to_name.c_str(), 0) != 0) {
    return Errno("linkat", from_name, to_name);
  }
  return Done{};
}

Status UnlinkAt(int dir, const std::string& name, int flags) {
  if (::unlinkat(dir, name.c_str(), flags) != 0) return Errno("unlinkat", name);
  return Done{};
}

Status RenameAt(int from, const std::string& from_name, int to, const std::string& to_name,
                Renaming how) {
  // glibc's own wrapper came with 2.28, musl's later.
  if (::syscall(SYS_renameat2, from, from_name.c_str(), to, to_name.c_str(),
                static_cast<unsigned>(how)) != 0) {
    return Errno("renameat2", from_name, to_name);
  }
  return Done{};
}

Status SetOwnerAt(int dir, const std::string& name, uid_t uid, gid_t gid) {
  if (::fchownat(dir, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Errno("fchownat", name);
  }
  return Done{};
}

Status SetModeOfOwnAt(int dir, const std::string& name, mode_t mode) {
  if (::fchmodat(dir, name.c_str(), mode, 0) != 0) return Errno("fchmodat", name);
  return Done{};
}

Status SetTimesAt(int dir, const std::string& name, const struct timespec& access,
                  const struct timespec& modification) {
  const struct timespec times[2] = {access, modification};
  if (::utimensat(dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return Errno("utimensat", name);
  }
  return Done{};
}

Status SetXattrAt(int dir, const std::string& name, const std::string& attribute,
                  const std::string& value) {
  if (HaveSetxattrat()) {
    XattrArgs args{reinterpret_cast<uint64_t>(value.data()), static_cast<uint32_t>(value.size()),
                   0};
    if (::syscall(kSetxattrat, dir, name.c_str(), AT_SYMLINK_NOFOLLOW, attribute.c_str(), &args,
                  sizeof args) != 0) {
      return Errno("setxattrat", name, attribute);
    }
    return Done{};
  }
  const std::string path = "/proc/self/fd/" + std::to_string(dir) + "/" + name;
  if (::lsetxattr(path.c_str(), attribute.c_str(), value.data(), value.size(), 0) != 0) {
    return Errno("lsetxattr", name, attribute);
  }
  return Done{};
}

Status SetXattr(int fd, const std::string& attribute, const std::string& value) {
  if (::fsetxattr(fd, attribute.c_str(), value.data(), value.size(), 0) != 0) {
    return Errno("fsetxattr", "", attribute);
  }
  return Done{};
}

Status RemoveXattr(int fd, const std::string& attribute) {
  if (::fremovexattr(fd, attribute.c_str()) != 0 && errno != ENODATA) {
    return Errno("fremovexattr", "", attribute);
  }
  return Done{};
}

Status SetOwner(int fd, uid_t uid, gid_t gid) {
  if (::fchown(fd, uid, gid) != 0) return Errno("fchown");
  return Done{};
}

Status SetMode(int fd, mode_t mode) {
  if (::fchmod(fd, mode) != 0) return Errno("fchmod");
  return Done{};
}

Status SetTimes(int fd, const struct timespec& access, const struct timespec& modification) {
  const struct timespec times[2] = {access, modification};
  if (::futimens(fd, times) != 0) return Errno("futimens");
  return Done{};
}

bool MayChangeNames(int dir) {
  const int saved = errno;
  const bool may = ::faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == 0;
  errno = saved;
  return may;
}

Status Sync(int fd) {
  if (::fsync(fd) != 0) return Errno("fsync");
  return Done{};
}

Status SyncFilesystem(int fd) {
  if (::syncfs(fd) != 0) return Errno("syncfs");
  return Done{};
}

Result<bool> LookAt(int dir, const std::string& name, Look& out) {
  KernelStatx at{};
  constexpr int kFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (!Statx(dir, name.c_str(), kFlags, kStatxBasicStats, at)) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return false;
    return Errno("statx", name);
  }
  struct stat& st = out.st;
  st = {};
  st.st_dev = makedev(at.dev_major, at.dev_minor);
  st.st_ino = at.ino;
  st.st_mode = at.mode;
  st.st_nlink = at.nlink;
  st.st_uid = at.uid;
  st.st_gid = at.gid;
  st.st_rdev = makedev(at.rdev_major, at.rdev_minor);
  st.st_size = static_cast<off_t>(at.size);
  st.st_blksize = static_cast<blksize_t>(at.blksize);
  st.st_blocks = static_cast<blkcnt_t>(at.blocks);
  st.st_atim = TimeOf(at.atime);
  st.st_mtim = TimeOf(at.mtime);
  st.st_ctim = TimeOf(at.ctime);
  out.mount_root = (at.attributes & at.attributes_mask & kStatxAttrMountRoot) != 0;
  out.fixed = (at.attributes & at.attributes_mask & kFixed) != 0;
  return true;
}

}  // namespace ovl
