// One name in one directory, as the oracle sees it.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lab.h"

bool is_whiteout(const struct stat* st) {
  return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int look(int directory, const char* name, const char* label, struct stat* st) {
  if (directory < 0) return 0;
  if (fstatat(directory, name, st, AT_SYMLINK_NOFOLLOW) < 0) {
    // Also for names that were listed: an overlay lists whiteouts of unmerged directories.
    return errno == ENOENT ? 0 : fail(errno, "stat %s", label);
  }
  // No overlay shows one, so this is a plain directory standing for the layer it is.
  return is_whiteout(st) ? 0 : 1;
}

int enter(int directory, const char* name, const char* label, bool required, bool* failed) {
  if (directory < 0) return -1;
  int fd = openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && (required || (errno != ENOENT && errno != ENOTDIR))) {
    fail(errno, "open %s", label);
    *failed = true;
  }
  return fd;
}

void leave_outer(int* outer, int inner, size_t depth) {
  if (depth < kLevelsKeptOpen || inner < 0) return;
  close(*outer);
  *outer = -1;
}

int return_outer(int* outer, int inner, size_t depth, int result) {
  if (inner < 0) return result;
  if (depth >= kLevelsKeptOpen && result == 0) {
    *outer = openat(inner, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*outer < 0) result = fail(errno, "open ..");
  }
  close(inner);
  return result;
}
