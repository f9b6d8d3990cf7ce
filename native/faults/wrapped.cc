// Every C library function by which the core asks the kernel for something, in a form that can fail
// on demand: the linker sends the calls of the core here (--wrap), and the core itself knows
// nothing of it.
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <map>
#include <string>

#include "faults/faults.h"

namespace faults {

namespace {

// Plain variables: the child that shares our memory counts on.
bool armed = false;
size_t count = 0;
size_t fail_at = 0;
int with_err = 0;
const char* failed_call = "";

const char* NameOf(long number) {
  switch (number) {
    case 56:
      return "clone";
    case 217:
      return "getdents64";
    case 316:
      return "renameat2";
    case 326:
      return "copy_file_range";
    case 332:
      return "statx";
    case 428:
      return "open_tree";
    case 429:
      return "move_mount";
    case 430:
      return "fsopen";
    case 431:
      return "fsconfig";
    case 432:
      return "fsmount";
    case 433:
      return "fspick";
    case 437:
      return "openat2";
    case 442:
      return "mount_setattr";
    case 457:
      return "statmount";
    case 458:
      return "listmount";
    case 463:
      return "setxattrat";
    case 464:
      return "getxattrat";
    case 465:
      return "listxattrat";
    default:
      return "syscall";
  }
}

}  // namespace

void Arm(size_t nth, int err) {
  count = 0;
  fail_at = nth;
  with_err = err;
  failed_call = "";
  armed = true;
}

void Disarm() { armed = false; }

bool Happened() { return failed_call[0] != '\0'; }

std::string Call() { return failed_call; }

static bool Inject(const char* name) {
  if (!armed || ++count != fail_at) return false;
  failed_call = name;
  if (with_err == kKill) (void)::kill(::getpid(), SIGKILL);
  errno = with_err;
  return true;
}

}  // namespace faults

// The wrapped names have two underscores because the linker wants them so.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#define WRAP(type, name, shown, parameters, arguments, failure) \
  extern "C" type __real_##name parameters;                     \
  extern "C" type __wrap_##name parameters;                     \
  extern "C" type __wrap_##name parameters {                    \
    if (faults::Inject(shown)) return failure;                  \
    return __real_##name arguments;                             \
  }

// Variadic: a mode or an argument may follow, and reading one that does not is harmless here.
#define WRAP_OPEN(name, shown, parameters, arguments)         \
  extern "C" int __real_##name(parameters, int flags, ...);   \
  extern "C" int __wrap_##name(parameters, int flags, ...);   \
  extern "C" int __wrap_##name(parameters, int flags, ...) {  \
    va_list list;                                             \
    va_start(list, flags);                                    \
    const auto mode = static_cast<mode_t>(va_arg(list, int)); \
    va_end(list);                                             \
    if (faults::Inject(shown)) return -1;                     \
    return __real_##name(arguments, flags, mode);             \
  }
#define COMMA ,

WRAP_OPEN(open64, "open", const char* path, path)
WRAP_OPEN(openat64, "openat", int dir COMMA const char* path, dir COMMA path)

extern "C" int __real_fcntl64(int fd, int command, ...);
extern "C" int __wrap_fcntl64(int fd, int command, ...);
extern "C" int __wrap_fcntl64(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  if (faults::Inject("fcntl")) return -1;
  return __real_fcntl64(fd, command, argument);
}

extern "C" long __real_syscall(long number, ...);
extern "C" long __wrap_syscall(long number, ...);
extern "C" long __wrap_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  const char* const name = faults::NameOf(number);
  // It cannot fail with the arguments it is given.
  if (number != 125 && faults::Inject(name)) return -1;
  return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                        arguments[4], arguments[5]);
}

WRAP(int, mkdir, "mkdir", (const char* path, mode_t mode), (path, mode), -1)
WRAP(int, mkdirat, "mkdirat", (int dir, const char* path, mode_t mode), (dir, path, mode), -1)
WRAP(char*, mkdtemp, "mkdtemp", (char* path), (path), nullptr)
WRAP(int, unlinkat, "unlinkat", (int dir, const char* path, int flags), (dir, path, flags), -1)
WRAP(int, mount, "mount",
     (const char* source, const char* target, const char* type, unsigned long flags,
      const void* data),
     (source, target, type, flags, data), -1)
WRAP(int, umount2, "umount2", (const char* target, int flags), (target, flags), -1)
WRAP(int, fstat64, "fstat", (int fd, struct stat64* out), (fd, out), -1)
WRAP(int, fstatat64, "fstatat", (int dir, const char* path, struct stat64* out, int flags),
     (dir, path, out, flags), -1)
WRAP(int, fstatfs64, "fstatfs", (int fd, struct statfs64* out), (fd, out), -1)
WRAP(int, fchown, "fchown", (int fd, uid_t uid, gid_t gid), (fd, uid, gid), -1)
WRAP(int, fchmod, "fchmod", (int fd, mode_t mode), (fd, mode), -1)
WRAP(int, fchmodat, "fchmodat", (int dir, const char* path, mode_t mode, int flags),
     (dir, path, mode, flags), -1)
WRAP(int, futimens, "futimens", (int fd, const struct timespec* times), (fd, times), -1)
WRAP(int, fsetxattr, "fsetxattr",
     (int fd, const char* name, const void* value, size_t size, int flags),
     (fd, name, value, size, flags), -1)
WRAP(int, fremovexattr, "fremovexattr", (int fd, const char* name), (fd, name), -1)
WRAP(ssize_t, flistxattr, "flistxattr", (int fd, char* list, size_t size), (fd, list, size), -1)
WRAP(ssize_t, fgetxattr, "fgetxattr", (int fd, const char* name, void* value, size_t size),
     (fd, name, value, size), -1)
WRAP(ssize_t, readlinkat, "readlinkat", (int dir, const char* path, char* out, size_t size),
     (dir, path, out, size), -1)
WRAP(int, syncfs, "syncfs", (int fd), (fd), -1)
WRAP(int, setns, "setns", (int fd, int type), (fd, type), -1)
WRAP(int, unshare, "unshare", (int flags), (flags), -1)
WRAP(void*, mmap64, "mmap",
     (void* at, size_t size, int protection, int flags, int fd, off64_t offset),
     (at, size, protection, flags, fd, offset), MAP_FAILED)
WRAP(ssize_t, write, "write", (int fd, const void* data, size_t size), (fd, data, size), -1)
WRAP(ssize_t, read, "read", (int fd, void* data, size_t size), (fd, data, size), -1)
WRAP(ssize_t, pread64, "pread", (int fd, void* data, size_t size, off64_t at), (fd, data, size, at),
     -1)
WRAP(ssize_t, pwrite64, "pwrite", (int fd, const void* data, size_t size, off64_t at),
     (fd, data, size, at), -1)
WRAP(int, ftruncate64, "ftruncate", (int fd, off64_t size), (fd, size), -1)
WRAP(int, fsync, "fsync", (int fd), (fd), -1)
WRAP(int, flock, "flock", (int fd, int operation), (fd, operation), -1)
WRAP(int, fstatvfs64, "fstatvfs", (int fd, struct statvfs64* out), (fd, out), -1)
WRAP(int, mknodat, "mknodat", (int dir, const char* path, mode_t mode, dev_t device),
     (dir, path, mode, device), -1)
WRAP(int, symlinkat, "symlinkat", (const char* target, int dir, const char* path),
     (target, dir, path), -1)
WRAP(int, linkat, "linkat", (int from, const char* old_path, int to, const char* path, int flags),
     (from, old_path, to, path, flags), -1)
WRAP(int, fchownat, "fchownat", (int dir, const char* path, uid_t uid, gid_t gid, int flags),
     (dir, path, uid, gid, flags), -1)
WRAP(int, utimensat, "utimensat",
     (int dir, const char* path, const struct timespec* times, int flags),
     (dir, path, times, flags), -1)
WRAP(int, chdir, "chdir", (const char* path), (path), -1)
WRAP(off64_t, lseek64, "lseek", (int fd, off64_t offset, int whence), (fd, offset, whence), -1)
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
