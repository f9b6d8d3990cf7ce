// The floor: what reading an upper against one lower costs at least, as one thread of plain C.
//
//   floor-reading make DIR FILES   an upper and a lower with FILES changes, in directories of 100
//   floor-reading walk DIR         prints kind and path of every change, by the same exact rule as
//                                  the library: stat and xattrs of both sides, and the bytes where
//                                  sizes are equal
//
// Only what that tree needs: no opaque directories, no redirects, one lower, names unsorted.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PER_DIRECTORY = 100, FILE_SIZE = 2000 };

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void write_file(int dir, const char* name, char fill, mode_t mode) {
  char text[FILE_SIZE];
  memset(text, fill, sizeof text);
  const int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
  if (fd < 0 || write(fd, text, sizeof text) != (ssize_t)sizeof text) die(name);
  const struct timespec times[2] = {{1, 0}, {1, 0}};
  if (futimens(fd, times) != 0 || close(fd) != 0) die(name);
}

static int open_new_directory(int parent, const char* name) {
  if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST) die(name);
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) die(name);
  return fd;
}

// Of ten entries four are added, three have other bytes, two are whiteouts, one another mode.
static void make_entry(int upper, int lower, long i) {
  char name[64];
  snprintf(name, sizeof name, "lib%ld.so.%ld.2.1", i % PER_DIRECTORY, i);
  const long kind = i % 10;
  if (kind >= 4) write_file(lower, name, 'a', 0644);
  if (kind < 4) {
    write_file(upper, name, 'n', 0644);
  } else if (kind < 7) {
    write_file(upper, name, 'b', 0644);
  } else if (kind < 9) {
    if (mknodat(upper, name, S_IFCHR, makedev(0, 0)) != 0) die("mknodat");
  } else {
    write_file(upper, name, 'a', 0755);
  }
}

static void make(const char* base, long files) {
  umask(0);
  if (mkdir(base, 0755) != 0 && errno != EEXIST) die(base);
  const int root = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int upper_root = open_new_directory(root, "upper");
  const int lower_root = open_new_directory(root, "lower");
  int upper = -1;
  int lower = -1;
  for (long i = 0; i < files; ++i) {
    if (i % PER_DIRECTORY == 0) {
      char name[64];
      snprintf(name, sizeof name, "%08lx-package-1.0", i * 2654435761L & 0xffffffffL);
      if (i > 0 && (close(upper) != 0 || close(lower) != 0)) die("close");
      upper = open_new_directory(upper_root, name);
      lower = open_new_directory(lower_root, name);
    }
    make_entry(upper, lower, i);
  }
}

static char path[4096];

static int differs(int upper, int lower, const char* name, off_t size) {
  static char a[1 << 16];
  static char b[1 << 16];
  const int fd_a = openat(upper, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  const int fd_b = openat(lower, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd_a < 0 || fd_b < 0) die(name);
  int different = 0;
  for (off_t at = 0; at < size && !different;) {
    const ssize_t n = pread(fd_a, a, sizeof a, at);
    if (n <= 0 || pread(fd_b, b, sizeof b, at) != n) die(name);
    different = memcmp(a, b, (size_t)n) != 0;
    at += n;
  }
  if (close(fd_a) != 0 || close(fd_b) != 0) die(name);
  return different;
}

static int has_xattrs(int dir, const char* name) {
  char list[256];
  char through[512];
  snprintf(through, sizeof through, "/proc/self/fd/%d/%s", dir, name);
  return llistxattr(through, list, sizeof list) > 0;
}

static void walk(int upper, int lower, size_t length);

static void visit(int upper, int lower, const char* name, size_t length) {
  struct stat up;
  struct stat low;
  if (fstatat(upper, name, &up, AT_SYMLINK_NOFOLLOW) != 0) die(name);
  const int before = fstatat(lower, name, &low, AT_SYMLINK_NOFOLLOW) == 0;
  const size_t end = length + (size_t)snprintf(path + length, sizeof path - length, "/%s", name);
  if (S_ISCHR(up.st_mode) && up.st_rdev == 0) {
    if (before) printf("D %s\n", path + 1);
    return;
  }
  if (!before) printf("A %s\n", path + 1);
  if (S_ISDIR(up.st_mode)) {
    walk(openat(upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
         openat(lower, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), end);
    return;
  }
  const int marked = has_xattrs(upper, name);
  if (!before) return;
  if (up.st_mode != low.st_mode || up.st_uid != low.st_uid || up.st_gid != low.st_gid ||
      up.st_mtim.tv_sec != low.st_mtim.tv_sec || up.st_size != low.st_size ||
      marked != has_xattrs(lower, name) || differs(upper, lower, name, up.st_size)) {
    printf("M %s\n", path + 1);
  }
}

static void walk(int upper, int lower, size_t length) {
  if (upper < 0 || lower < 0) die("openat");
  char list[256];
  if (flistxattr(upper, list, sizeof list) < 0) die("flistxattr");
  DIR* dir = fdopendir(upper);
  if (dir == NULL) die("fdopendir");
  for (const struct dirent* entry; (entry = readdir(dir)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    visit(upper, lower, entry->d_name, length);
  }
  if (closedir(dir) != 0 || close(lower) != 0) die("close");
}

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "make") == 0) {
    make(argv[2], atol(argv[3]));
  } else if (argc == 3 && strcmp(argv[1], "walk") == 0) {
    if (chdir(argv[2]) != 0) die(argv[2]);
    walk(open("upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
         open("lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
  } else {
    fputs("usage: floor-reading make DIR FILES | floor-reading walk DIR\n", stderr);
    return 2;
  }
  return 0;
}
