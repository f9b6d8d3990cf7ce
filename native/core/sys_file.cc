#include "core/sys_file.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ovl {

namespace {

constexpr long kOpenat2 = 437;  // the same everywhere; newer than the headers we build with
constexpr uint64_t kResolveNoXdev = 0x01;
constexpr uint64_t kResolveInRoot = 0x10;

struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

UniqueFd Openat2(int dir, const char* name, uint64_t flags, uint64_t resolve) {
  OpenHow how{flags, 0, resolve};
  return UniqueFd(static_cast<int>(::syscall(kOpenat2, dir, name, &how, sizeof how)));
}

// A container's seccomp profile may answer for the kernel, with EPERM for numbers it does not know.
bool HaveOpenat2() {
  static const bool have = [] {
    const int saved = errno;
    const UniqueFd fd = Openat2(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    errno = saved;
    return static_cast<bool>(fd);
  }();
  return have;
}

}  // namespace

Result<UniqueFd> OpenDirectoryAt(int dir, const std::string& name, DirUse use) {
  const int flags =
      (use == DirUse::kLookUp ? O_PATH : O_RDONLY) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd = HaveOpenat2()
                    ? Openat2(dir, name.c_str(), static_cast<uint64_t>(flags), kResolveNoXdev)
                    : UniqueFd(::openat(dir, name.c_str(), flags));
  if (fd) return fd;
  Failure failure = Errno(HaveOpenat2() ? "openat2" : "openat", name);
  if (failure.err == EXDEV) failure.reason = "submount";
  return failure;
}

Result<UniqueFd> OpenDirectory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  return fd;
}

Result<UniqueFd> OpenPath(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  return fd;
}

Result<UniqueFd> OpenPathIn(int root, const std::string& path) {
  UniqueFd fd = Openat2(root, path.c_str(), O_PATH | O_CLOEXEC, kResolveInRoot);
  if (!fd) return Errno("openat2", path);
  return fd;
}

Result<UniqueFd> OpenParent(int dir) {
  UniqueFd fd(::openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Errno("openat", "..");
  return fd;
}

Result<UniqueFd> OpenFileAt(int dir, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd fd(::openat(dir, name.c_str(), kFlags | O_NOATIME));
  // Only the owner may ask for O_NOATIME; others read as everybody does.
  if (!fd && errno == EPERM) fd = UniqueFd(::openat(dir, name.c_str(), kFlags));
  if (!fd) return Errno("openat", name);
  return fd;
}

Result<bool> StatAt(int dir, const std::string& name, struct stat& out) {
  if (::fstatat(dir, name.c_str(), &out, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return false;
  return Errno("fstatat", name);
}

Result<struct stat> StatFd(int fd) {
  struct stat out;
  if (::fstat(fd, &out) != 0) return Errno("fstat");
  return out;
}

Result<struct statfs> StatFs(int fd) {
  struct statfs out;
  if (::fstatfs(fd, &out) != 0) return Errno("fstatfs");
  return out;
}

Status ChangeMode(int fd, mode_t mode) {
  const std::string name = "/proc/self/fd/" + std::to_string(fd);
  if (::fchmodat(AT_FDCWD, name.c_str(), mode, 0) != 0) return Errno("fchmodat", name);
  return Done{};
}

Result<std::string> ReadLinkAt(int dir, const std::string& name) {
  std::string out(256, '\0');
  for (;;) {
    const ssize_t n = ::readlinkat(dir, name.c_str(), out.data(), out.size());
    if (n < 0) return Errno("readlinkat", name);
    if (static_cast<size_t>(n) < out.size()) {
      out.resize(static_cast<size_t>(n));
      return out;
    }
    out.resize(out.size() * 2);  // a full buffer may be a cut one
  }
}

Result<std::string> ReadUpTo(int fd, size_t limit) {
  std::string out(limit, '\0');
  size_t used = 0;
  while (used < limit) {
    const ssize_t n = ::read(fd, out.data() + used, limit - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("read");
    if (n == 0) break;
    used += static_cast<size_t>(n);
  }
  out.resize(used);
  return out;
}

Result<std::string> PathOfFd(int fd) {
  return ReadLinkAt(AT_FDCWD, "/proc/self/fd/" + std::to_string(fd));
}

}  // namespace ovl
