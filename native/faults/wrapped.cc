// Every C library function by which the core asks the kernel for something, in a form that can fail
// on demand: the linker sends the calls of the core here (--wrap), and the core itself knows
// nothing of it.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <map>
#include <new>
#include <string>

#include "faults/faults.h"

// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker wants it so
extern "C" void* __real_mmap64(void* at, size_t size, int protection, int flags, int fd,
                               off64_t offset);

namespace faults {

namespace {

struct State {
  std::atomic<bool> armed = false;
  std::atomic<size_t> count = 0;
  std::atomic<size_t> fail_at = 0;
  std::atomic<int> with_err = 0;
  std::atomic<const char*> failed_call = "";
};

// Children count on, whether they share our memory or have a copy; of the latter the names lie at
// the same addresses. Not by the wrapped call, which asks for this.
State& Shared() {
  static State* const state = [] {
    void* const at = __real_mmap64(nullptr, sizeof(State), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    return new (at) State;
  }();
  return *state;
}

const char* NameOf(long number) {
  switch (number) {
    case 56:
      return "clone";
    case 126:
      return "capset";
    case 217:
      return "getdents64";
    case 316:
      return "renameat2";
    case 326:
      return "copy_file_range";
    case 332:
      return "statx";
    case 424:
      return "pidfd_send_signal";
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
    case 434:
      return "pidfd_open";
    case 436:
      return "close_range";
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
  State& state = Shared();
  state.count = 0;
  state.fail_at = nth;
  state.with_err = err;
  state.failed_call = "";
  state.armed = true;
}

void Disarm() { Shared().armed = false; }

bool Happened() { return Shared().failed_call.load()[0] != '\0'; }

std::string Call() { return Shared().failed_call.load(); }

static bool Count(State& state, const char* name) {
  if (!state.armed || ++state.count != state.fail_at) return false;
  state.failed_call = name;
  if (state.with_err == kKill) (void)::kill(::getpid(), SIGKILL);
  errno = state.with_err;
  return true;
}

// No other call is interrupted.
static bool Inject(const char* name) {
  State& state = Shared();
  return state.with_err != EINTR && Count(state, name);
}

// Of what waits for others.
static bool InjectAny(const char* name) { return Count(Shared(), name); }

// Of what fails in no other way with the arguments it is given.
static bool InjectInterruption(const char* name) {
  State& state = Shared();
  return state.with_err == EINTR && Count(state, name);
}

}  // namespace faults

// The wrapped names have two underscores because the linker wants them so.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#define WRAP_BY(inject, type, name, shown, parameters, arguments, failure) \
  extern "C" type __real_##name parameters;                                \
  extern "C" type __wrap_##name parameters;                                \
  extern "C" type __wrap_##name parameters {                               \
    if (faults::inject(shown)) return failure;                             \
    return __real_##name arguments;                                        \
  }
#define WRAP(...) WRAP_BY(Inject, __VA_ARGS__)

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
WRAP_BY(InjectAny, ssize_t, write, "write", (int fd, const void* data, size_t size),
        (fd, data, size), -1)
WRAP_BY(InjectAny, ssize_t, read, "read", (int fd, void* data, size_t size), (fd, data, size), -1)
WRAP(ssize_t, pread64, "pread", (int fd, void* data, size_t size, off64_t at), (fd, data, size, at),
     -1)
WRAP(ssize_t, pwrite64, "pwrite", (int fd, const void* data, size_t size, off64_t at),
     (fd, data, size, at), -1)
WRAP(int, ftruncate64, "ftruncate", (int fd, off64_t size), (fd, size), -1)
WRAP(int, fsync, "fsync", (int fd), (fd), -1)
WRAP(int, fdatasync, "fdatasync", (int fd), (fd), -1)
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

// Programs and what supervises them.
WRAP(int, socketpair, "socketpair", (int domain, int type, int protocol, int* ends),
     (domain, type, protocol, ends), -1)
WRAP(int, pipe2, "pipe2", (int* ends, int flags), (ends, flags), -1)
WRAP(int, mprotect, "mprotect", (void* at, size_t size, int protection), (at, size, protection), -1)
WRAP(int, dup2, "dup2", (int from, int to), (from, to), -1)
WRAP(int, fchdir, "fchdir", (int fd), (fd), -1)
WRAP(int, chroot, "chroot", (const char* path), (path), -1)
WRAP(int, signalfd, "signalfd", (int fd, const sigset_t* set, int flags), (fd, set, flags), -1)
WRAP(int, socket, "socket", (int domain, int type, int protocol), (domain, type, protocol), -1)
WRAP(int, setsockopt, "setsockopt",
     (int fd, int level, int name, const void* value, socklen_t length),
     (fd, level, name, value, length), -1)
WRAP(int, stat64, "stat", (const char* path, struct stat64* st), (path, st), -1)
WRAP(int, shutdown, "shutdown", (int fd, int how), (fd, how), -1)
WRAP(int, execve, "execve", (const char* path, char* const* argv, char* const* env),
     (path, argv, env), -1)
WRAP(pid_t, fork, "fork", (), (), -1)
WRAP(int, pthread_create, "pthread_create",
     (pthread_t * thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument),
     (thread, attributes, run, argument), errno)
WRAP_BY(InjectAny, ssize_t, recv, "recv", (int fd, void* data, size_t size, int flags),
        (fd, data, size, flags), -1)
WRAP_BY(InjectAny, ssize_t, recvmsg, "recvmsg", (int fd, struct msghdr* message, int flags),
        (fd, message, flags), -1)
WRAP_BY(InjectAny, ssize_t, sendmsg, "sendmsg", (int fd, const struct msghdr* message, int flags),
        (fd, message, flags), -1)
WRAP_BY(InjectAny, ssize_t, send, "send", (int fd, const void* data, size_t size, int flags),
        (fd, data, size, flags), -1)
WRAP_BY(InjectAny, int, poll, "poll", (struct pollfd * fds, nfds_t count, int timeout),
        (fds, count, timeout), -1)
WRAP_BY(InjectInterruption, pid_t, waitpid, "waitpid", (pid_t pid, int* status, int options),
        (pid, status, options), -1)
WRAP_BY(InjectInterruption, int, waitid, "waitid",
        (idtype_t type, id_t id, siginfo_t* info, int options), (type, id, info, options), -1)

extern "C" int __real_prctl(int option, ...);
extern "C" int __wrap_prctl(int option, ...);
extern "C" int __wrap_prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  unsigned long arguments[4];
  for (unsigned long& argument : arguments) argument = va_arg(list, unsigned long);
  va_end(list);
  if (faults::Inject("prctl")) return -1;
  return __real_prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
}

extern "C" int __real_ioctl(int fd, unsigned long request, ...);
extern "C" int __wrap_ioctl(int fd, unsigned long request, ...);
extern "C" int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void* const argument = va_arg(list, void*);
  va_end(list);
  if (faults::Inject("ioctl")) return -1;
  return __real_ioctl(fd, request, argument);
}

extern "C" int __real_clone(int (*run)(void*), void* stack, int flags, void* argument, ...);
extern "C" int __wrap_clone(int (*run)(void*), void* stack, int flags, void* argument, ...);
extern "C" int __wrap_clone(int (*run)(void*), void* stack, int flags, void* argument, ...) {
  va_list list;
  va_start(list, argument);
  void* const pidfd = va_arg(list, void*);  // there or not, as with a mode
  va_end(list);
  if (faults::Inject("clone")) return -1;
  return __real_clone(run, stack, flags, argument, pidfd);
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
