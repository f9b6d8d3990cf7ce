// Linked into the published glibc prebuilds only (scripts/prebuild.mjs), never into an ordinary
// build. Newer C libraries, and the libstdc++.a and libgcc_eh.a compiled against them, call
// functions that glibc 2.28 does not have. Here are those few, hidden inside the addon.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))

// glibc 2.32. False makes libstdc++ use atomic reference counts always, which is right with or
// without threads.
HIDDEN char __libc_single_threaded = 0;

// glibc 2.35. "Not found" ends the search for a handler, as it would end anyway: nothing here is
// compiled to catch, so an exception from inside libstdc++ (std::bad_alloc) terminates the process
// with its own message either way.
HIDDEN int _dl_find_object(void* address, void* result) {
  (void)address;
  (void)result;
  return -1;
}

// glibc 2.30; std::condition_variable::wait_for uses it. The time left is carried over to the wall
// clock. Should that be set forward meanwhile, the wait ends early, which is reported as one of the
// wakeups that callers expect anyway.
static long long Nanoseconds(const struct timespec* t) {
  return (long long)t->tv_sec * 1000000000 + t->tv_nsec;
}
HIDDEN int pthread_cond_clockwait(pthread_cond_t* cond, pthread_mutex_t* mutex, clockid_t clock,
                                  const struct timespec* until) {
  if (clock == CLOCK_REALTIME) return pthread_cond_timedwait(cond, mutex, until);
  struct timespec now, wall;
  if (clock_gettime(clock, &now) != 0) return EINVAL;
  clock_gettime(CLOCK_REALTIME, &wall);
  const long long end = Nanoseconds(&wall) + Nanoseconds(until) - Nanoseconds(&now);
  wall.tv_sec = end / 1000000000;
  wall.tv_nsec = end % 1000000000;
  const int result = pthread_cond_timedwait(cond, mutex, &wall);
  if (result != ETIMEDOUT) return result;
  clock_gettime(clock, &now);
  return Nanoseconds(&now) < Nanoseconds(until) ? 0 : ETIMEDOUT;
}

// glibc 2.36; std::random_device uses it. Like the original it has no way to report a failure.
HIDDEN unsigned int arc4random(void) {
  unsigned int result;
  if (getrandom(&result, sizeof(result), 0) != (ssize_t)sizeof(result)) abort();
  return result;
}

// glibc 2.33; before, they were inline functions around __xstat. On 64-bit machines the kernel's
// structure is ours. <sys/stat.h> may not be included here: its declarations have other types.
HIDDEN int fstatat(int dir, const char* path, void* result, int flags) {
  return (int)syscall(SYS_newfstatat, dir, path, result, flags);
}
HIDDEN int stat(const char* path, void* result) { return fstatat(AT_FDCWD, path, result, 0); }
HIDDEN int lstat(const char* path, void* result) {
  return fstatat(AT_FDCWD, path, result, AT_SYMLINK_NOFOLLOW);
}
HIDDEN int fstat(int fd, void* result) { return (int)syscall(SYS_fstat, fd, result); }

HIDDEN int fstatat64(int, const char*, void*, int) __attribute__((alias("fstatat")));
HIDDEN int stat64(const char*, void*) __attribute__((alias("stat")));
HIDDEN int lstat64(const char*, void*) __attribute__((alias("lstat")));
HIDDEN int fstat64(int, void*) __attribute__((alias("fstat")));

// glibc 2.33, as above. The kernel takes 32 bits of the device number.
HIDDEN int mknodat(int dir, const char* path, mode_t mode, dev_t device) {
  if (device != (unsigned int)device) {
    errno = EINVAL;
    return -1;
  }
  return (int)syscall(SYS_mknodat, dir, path, mode, (unsigned int)device);
}
HIDDEN int mknod(const char* path, mode_t mode, dev_t device) {
  return mknodat(AT_FDCWD, path, mode, device);
}
