// Operations on the content of regular files.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab.h"

// Opens a regular file, and nothing else: a history may have made a block device 8:0 at this name,
// and opening a fifo blocks.
static int open_file(const char* path, int flags, mode_t mode) {
  struct place place;
  if (place_open(path, &place) < 0) return -1;
  struct stat st;
  int fd = -1;
  int error = 0;
  if (fstatat(place.parent, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode)) {
    error = S_ISDIR(st.st_mode) ? EISDIR : S_ISLNK(st.st_mode) ? ELOOP : EINVAL;
  } else {
    fd = openat(place.parent, place.name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
    if (fd < 0) error = errno;
  }
  place_close(&place);
  return fd < 0 ? fail(error, "open %s", path) : fd;
}

static int finish(int fd, int result, const char* what, const char* path) {
  int error = errno;
  // The data may only be refused at close (quota, network file systems).
  if (close(fd) < 0 && result == 0) {
    result = -1;
    error = errno;
  }
  return result < 0 ? fail(error, "%s %s", what, path) : 0;
}

int op_write(int argc, char** argv, struct bytes* out) {
  (void)out;
  long long mode = 0644;
  size_t length;
  if (argc > 3 && parse_number(argv[3], 8, &mode) < 0) return -1;
  if (unescape(argv[2], &length) < 0) return -1;
  int fd = open_file(argv[1], O_WRONLY | O_CREAT | O_TRUNC, (mode_t)mode);
  if (fd < 0) return -1;
  return finish(fd, write_all(fd, argv[2], length, -1), "write", argv[1]);
}

int op_append(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  size_t length;
  if (unescape(argv[2], &length) < 0) return -1;
  int fd = open_file(argv[1], O_WRONLY | O_APPEND, 0);
  if (fd < 0) return -1;
  return finish(fd, write_all(fd, argv[2], length, -1), "write", argv[1]);
}

int op_writeat(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long offset;
  size_t length;
  if (parse_number(argv[2], 10, &offset) < 0 || unescape(argv[3], &length) < 0) return -1;
  if (offset < 0) return fail(EINVAL, "negative offset");
  int fd = open_file(argv[1], O_WRONLY, 0);
  if (fd < 0) return -1;
  return finish(fd, write_all(fd, argv[3], length, offset), "pwrite", argv[1]);
}

// Like op_writeat, but leaves the modification time as it was (`touch -r`).
int op_rewrite(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long offset;
  size_t length;
  if (parse_number(argv[2], 10, &offset) < 0 || unescape(argv[3], &length) < 0) return -1;
  if (offset < 0) return fail(EINVAL, "negative offset");
  int fd = open_file(argv[1], O_WRONLY, 0);
  if (fd < 0) return -1;
  struct stat st;
  int result = fstat(fd, &st);
  if (result == 0) result = write_all(fd, argv[3], length, offset);
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  if (result == 0) result = futimens(fd, times);
  return finish(fd, result, "rewrite", argv[1]);
}

int op_truncate(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long size;
  if (parse_number(argv[2], 10, &size) < 0) return -1;
  int fd = open_file(argv[1], O_WRONLY, 0);
  if (fd < 0) return -1;
  return finish(fd, ftruncate(fd, size), "ftruncate", argv[1]);
}

int op_punch(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long offset;
  long long length;
  if (parse_number(argv[2], 10, &offset) < 0 || parse_number(argv[3], 10, &length) < 0) return -1;
  int fd = open_file(argv[1], O_RDWR, 0);
  if (fd < 0) return -1;
  int result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  return finish(fd, result, "fallocate", argv[1]);
}

int op_openrdwr(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  int fd = open_file(argv[1], O_RDWR, 0);
  return fd < 0 ? -1 : finish(fd, 0, "close", argv[1]);
}

int op_fill(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long size;
  long long seed;
  if (parse_number(argv[2], 10, &size) < 0 || parse_number(argv[3], 10, &seed) < 0) return -1;
  if (size < 0) return fail(EINVAL, "negative size");
  int fd = open_file(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return -1;
  uint64_t state = (uint64_t)seed;
  uint64_t block[8192];
  int result = 0;
  while (size > 0 && result == 0) {
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
      // splitmix64: every seed, zero too, gives an unrelated sequence.
      uint64_t z = state += 0x9e3779b97f4a7c15u;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      block[i] = z ^ (z >> 31);
    }
    size_t part = size < (long long)sizeof block ? (size_t)size : sizeof block;
    result = write_all(fd, (const char*)block, part, -1);
    size -= (long long)part;
  }
  return finish(fd, result, "write", argv[1]);
}

int op_read(int argc, char** argv, struct bytes* out) {
  (void)argc;
  int fd = open_file(argv[1], O_RDONLY, 0);
  if (fd < 0) return -1;
  char block[65536];
  ssize_t got;
  while ((got = read(fd, block, sizeof block)) > 0) bytes_add(out, block, (size_t)got);
  return finish(fd, got < 0 ? -1 : 0, "read", argv[1]);
}
