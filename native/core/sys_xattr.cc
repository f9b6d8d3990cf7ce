#include "core/sys_xattr.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>

namespace ovl {

namespace {

// The same on every architecture; missing from the headers of older distributions.
constexpr long kGetxattrat = 464;
constexpr long kListxattrat = 465;

struct XattrArgs {
  uint64_t value;
  uint32_t size;
  uint32_t flags;
};

// Probed, not read from a version: a container's seccomp profile may answer for the kernel, with
// EPERM where it does not know the number.
bool HaveXattrat() {
  static const bool have = [] {
    const int saved = errno;
    const long n = ::syscall(kListxattrat, AT_FDCWD, ".", AT_SYMLINK_NOFOLLOW, nullptr, 0);
    const bool missing = n < 0 && (errno == ENOSYS || errno == EPERM);
    errno = saved;
    return !missing;
  }();
  return have;
}

std::string ThroughProc(int dir, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(dir) + "/" + name;
}

// Calls `read(buffer, size)` until the answer fits. The size asked for first is no promise: the
// attribute may grow in between, and overlayfs counts names that it then does not list. Most
// answers are short or empty and take no memory of their own.
template <typename Read>
ssize_t ReadGrowing(std::string& out, Read read) {
  char few[256];  // the kernel allocates as much as is asked for
  ssize_t n = read(few, sizeof few);
  if (n >= 0) {
    out.assign(few, static_cast<size_t>(n));
    return n;
  }
  while (errno == ERANGE) {
    n = read(nullptr, size_t{0});
    if (n < 0) return n;
    out.resize(static_cast<size_t>(n) + sizeof few);
    n = read(out.data(), out.size());
    if (n >= 0) {
      out.resize(static_cast<size_t>(n));
      return n;
    }
  }
  return n;
}

Status Listed(ssize_t n, std::string& list, const char* call, const std::string& path) {
  if (n >= 0) return Done{};
  list.clear();
  if (errno == ENOTSUP) return Done{};
  return Errno(call, path);
}

Result<bool> Got(ssize_t n, const char* call, const std::string& path) {
  if (n >= 0) return true;
  if (errno == ENODATA || errno == ENOTSUP) return false;
  return Errno(call, path);
}

}  // namespace

Status ListXattrs(int fd, std::string& list) {
  const ssize_t n =
      ReadGrowing(list, [&](char* to, size_t size) { return ::flistxattr(fd, to, size); });
  return Listed(n, list, "flistxattr", "");
}

Status ListXattrsAt(int dir, const std::string& name, std::string& list) {
  if (HaveXattrat()) {
    const ssize_t n = ReadGrowing(list, [&](char* to, size_t size) {
      return static_cast<ssize_t>(
          ::syscall(kListxattrat, dir, name.c_str(), AT_SYMLINK_NOFOLLOW, to, size));
    });
    return Listed(n, list, "listxattrat", name);
  }
  const std::string path = ThroughProc(dir, name);
  const ssize_t n = ReadGrowing(
      list, [&](char* to, size_t size) { return ::llistxattr(path.c_str(), to, size); });
  return Listed(n, list, "llistxattr", name);
}

Result<bool> GetXattr(int fd, const std::string& attribute, std::string& value) {
  const ssize_t n = ReadGrowing(
      value, [&](char* to, size_t size) { return ::fgetxattr(fd, attribute.c_str(), to, size); });
  return Got(n, "fgetxattr", "");
}

Result<bool> CanHoldXattr(int fd, const std::string& attribute) {
  if (::fgetxattr(fd, attribute.c_str(), nullptr, 0) >= 0 || errno == ENODATA) return true;
  if (errno == EOPNOTSUPP) return false;
  return Errno("fgetxattr");
}

Result<bool> GetXattrAt(int dir, const std::string& name, const std::string& attribute,
                        std::string& value) {
  if (HaveXattrat()) {
    const ssize_t n = ReadGrowing(value, [&](char* to, size_t size) {
      XattrArgs args{reinterpret_cast<uint64_t>(to), static_cast<uint32_t>(size), 0};
      return static_cast<ssize_t>(::syscall(kGetxattrat, dir, name.c_str(), AT_SYMLINK_NOFOLLOW,
                                            attribute.c_str(), &args, sizeof args));
    });
    return Got(n, "getxattrat", name);
  }
  const std::string path = ThroughProc(dir, name);
  const ssize_t n = ReadGrowing(value, [&](char* to, size_t size) {
    return ::lgetxattr(path.c_str(), attribute.c_str(), to, size);
  });
  return Got(n, "lgetxattr", name);
}

}  // namespace ovl
