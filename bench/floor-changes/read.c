// What is asked of one object, or of the two sides of one.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "floor.h"

// Linux 6.13; the same everywhere, and missing from older headers.
enum { GETXATTRAT = 464, LISTXATTRAT = 465, SHORT = 256 };

struct xattr_args {
  _Alignas(8) uint64_t value;
  uint32_t size;
  uint32_t flags;
};

static const char* prefix(void) {
  return options.user_marks ? "user.overlay." : "trusted.overlay.";
}

bool find_xattrat(void) {
  const long n = syscall(LISTXATTRAT, AT_FDCWD, ".", AT_SYMLINK_NOFOLLOW, NULL, 0);
  return n >= 0 || (errno != ENOSYS && errno != EPERM);
}

static void through_proc(char* path, const struct side* side) {
  snprintf(path, PATHS, "/proc/self/fd/%d/%s", side->dir, side->name);
}

static ssize_t list_into(const struct side* side, char* buffer, size_t size) {
  if (*side->name == '\0') return flistxattr(side->dir, buffer, size);
  if (options.xattrat) {
    return syscall(LISTXATTRAT, side->dir, side->name, AT_SYMLINK_NOFOLLOW, buffer, size);
  }
  char path[PATHS];
  through_proc(path, side);
  return llistxattr(path, buffer, size);
}

// The kernel allocates as much as is asked for, and clears it: most lists and values are short.
void list_xattrs(struct side* side, char* buffer) {
  ssize_t n = list_into(side, buffer, SHORT);
  if (n < 0 && errno == ERANGE) n = list_into(side, buffer, XATTRS);
  if (n < 0 && errno == ENOTSUP) n = 0;
  if (n < 0) fail("listxattr", side->name);
  side->list = buffer;
  side->list_size = (size_t)n;
}

static ssize_t get_into(const struct side* side, const char* name, char* to, size_t size) {
  if (*side->name == '\0') return fgetxattr(side->dir, name, to, size);
  if (options.xattrat) {
    struct xattr_args args = {(uint64_t)to, (uint32_t)size, 0};
    return syscall(GETXATTRAT, side->dir, side->name, AT_SYMLINK_NOFOLLOW, name, &args,
                   sizeof args);
  }
  char path[PATHS];
  through_proc(path, side);
  return lgetxattr(path, name, to, size);
}

static ssize_t get_xattr(const struct side* side, const char* name, char* to) {
  ssize_t n = get_into(side, name, to, SHORT);
  if (n < 0 && errno == ERANGE) n = get_into(side, name, to, XATTRS);
  if (n < 0 && errno != ENODATA) fail("getxattr", side->name);
  return n;
}

struct marks marks_of(const struct side* side) {
  struct marks marks = {0};
  const char* const own = prefix();
  const size_t length = strlen(own);
  for (const char* name = side->list; name < side->list + side->list_size;
       name += strlen(name) + 1) {
    if (strncmp(name, own, length) != 0) continue;
    const char* mark = name + length;
    marks.opaque |= strcmp(mark, "opaque") == 0;
    marks.redirect |= strcmp(mark, "redirect") == 0;
    marks.metacopy |= strcmp(mark, "metacopy") == 0;
    marks.whiteout |= strcmp(mark, "whiteout") == 0;
    marks.origin |= strcmp(mark, "origin") == 0;
  }
  return marks;
}

ssize_t get_mark(const struct side* side, const char* mark, char* to) {
  char name[64];
  snprintf(name, sizeof name, "%s%s", prefix(), mark);
  return get_xattr(side, name, to);
}

bool look(struct side* side, char* buffer) {
  if (fstatat(side->dir, side->name, &side->st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    fail("fstatat", side->name);
  }
  if (S_ISCHR(side->st.st_mode) && side->st.st_rdev == 0) return false;
  if (!S_ISREG(side->st.st_mode) || side->st.st_size != 0) return true;
  list_xattrs(side, buffer);
  return !marks_of(side).whiteout;
}

unsigned compare_stat(const struct stat* before, const struct stat* after) {
  unsigned aspects = 0;
  if ((before->st_mode & 07777) != (after->st_mode & 07777)) aspects |= MODE;
  if (before->st_uid != after->st_uid || before->st_gid != after->st_gid) aspects |= OWNER;
  if (S_ISDIR(after->st_mode)) return aspects;
  if (before->st_mtim.tv_sec != after->st_mtim.tv_sec ||
      before->st_mtim.tv_nsec != after->st_mtim.tv_nsec) {
    aspects |= TIMES;
  }
  if ((S_ISCHR(after->st_mode) || S_ISBLK(after->st_mode)) && before->st_rdev != after->st_rdev) {
    aspects |= DEVICE;
  }
  if (S_ISREG(after->st_mode) && before->st_size != after->st_size) aspects |= BYTES;
  return aspects;
}

// The name under which a mount shows an attribute is its own, without one `overlay.` where
// overlayfs has added one; NULL for what it hides.
static const char* shown(const char* name, char* buffer) {
  const size_t length = strlen(prefix());
  if (strncmp(name, "trusted.SGI_ACL_", 16) == 0) return NULL;
  if (strncmp(name, prefix(), length) != 0) return name;
  if (strncmp(name + length, "overlay.", 8) != 0) return NULL;
  snprintf(buffer, 256, "%s%s", prefix(), name + length + 8);
  return buffer;
}

static size_t count_shown(const struct side* side) {
  char buffer[256];
  size_t count = 0;
  const char* const end = side->list + side->list_size;
  for (const char* name = side->list; name < end; name += strlen(name) + 1) {
    count += shown(name, buffer) != NULL;
  }
  return count;
}

static const char* find_shown(const struct side* side, const char* wanted) {
  char buffer[256];
  const char* const end = side->list + side->list_size;
  for (const char* name = side->list; name < end; name += strlen(name) + 1) {
    const char* as = shown(name, buffer);
    if (as != NULL && strcmp(as, wanted) == 0) return name;
  }
  return NULL;
}

bool same_xattrs(struct worker* w, const struct side* before, const struct side* after) {
  if (count_shown(before) != count_shown(after)) return false;
  char buffer[256];
  const char* const end = before->list + before->list_size;
  for (const char* name = before->list; name < end; name += strlen(name) + 1) {
    const char* as = shown(name, buffer);
    if (as == NULL) continue;
    const char* other = find_shown(after, as);
    if (other == NULL) return false;
    const ssize_t a = get_xattr(before, name, w->values[0]);
    const ssize_t b = get_xattr(after, other, w->values[1]);
    if (a != b || (a > 0 && memcmp(w->values[0], w->values[1], (size_t)a) != 0)) return false;
  }
  return true;
}

bool same_target(struct worker* w, const struct side* before, const struct side* after) {
  const ssize_t a = readlinkat(before->dir, before->name, w->values[0], XATTRS);
  const ssize_t b = readlinkat(after->dir, after->name, w->values[1], XATTRS);
  if (a < 0 || b < 0) fail("readlinkat", after->name);
  return a == b && memcmp(w->values[0], w->values[1], (size_t)a) == 0;
}

static int open_content(const struct side* side) {
  const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(side->dir, side->name, flags | O_NOATIME);
  if (fd < 0 && errno == EPERM) fd = openat(side->dir, side->name, flags);
  if (fd < 0) fail("openat", side->name);
  return fd;
}

static off_t next_data(int fd, off_t at, off_t size) {
  const off_t data = lseek(fd, at, SEEK_DATA);
  if (data < 0 && errno == ENXIO) return size;
  return data < 0 ? at : data;
}

bool same_bytes(struct worker* w, const struct side* before, const struct side* after) {
  const off_t size = after->st.st_size;
  const int a = open_content(before);
  const int b = open_content(after);
  bool same = true;
  for (off_t at = 0; same && at < size;) {
    // Where neither has data both are zeros. The first piece is read without a question.
    if (at > 0) {
      const off_t in_a = next_data(a, at, size);
      const off_t in_b = in_a == at ? at : next_data(b, at, size);
      at = in_a < in_b ? in_a : in_b;
      if (at >= size) break;
    }
    // A piece of a large file is mostly not needed: what differs often does so early.
    const size_t most = at == 0 ? 16 << 10 : CONTENT;
    const size_t want = (size_t)(size - at) < most ? (size_t)(size - at) : most;
    const ssize_t n = pread(a, w->bytes[0], want, at);
    if (n <= 0 || pread(b, w->bytes[1], (size_t)n, at) != n) fail("pread", after->name);
    same = memcmp(w->bytes[0], w->bytes[1], (size_t)n) == 0;
    at += n;
  }
  if (close(a) != 0 || close(b) != 0) fail("close", after->name);
  return same;
}
