// Operations that make, name, move and look at directory entries.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lab.h"

static int done(struct place* place, int result, const char* what, const char* path) {
  place_close(place);
  return result < 0 ? fail(errno, "%s %s", what, path) : 0;
}

int op_mkdir(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long mode;
  struct place at;
  if (parse_number(argv[2], 8, &mode) < 0 || place_open(argv[1], &at) < 0) return -1;
  int result = mkdirat(at.parent, at.name, (mode_t)mode & 01777);
  // mkdir(2) ignores the setuid and setgid bits.
  if (result == 0 && (mode & 06000) != 0) {
    result = fchmodat(at.parent, at.name, (mode_t)mode, 0);
  }
  return done(&at, result, "mkdir", argv[1]);
}

int op_symlink(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  struct place at;
  if (place_open(argv[2], &at) < 0) return -1;
  return done(&at, symlinkat(argv[1], at.parent, at.name), "symlink", argv[2]);
}

int op_unlink(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  return done(&at, unlinkat(at.parent, at.name, 0), "unlink", argv[1]);
}

int op_rmdir(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  return done(&at, unlinkat(at.parent, at.name, AT_REMOVEDIR), "rmdir", argv[1]);
}

static int two_places(char** argv, struct place* from, struct place* to) {
  if (place_open(argv[1], from) < 0) return -1;
  if (place_open(argv[2], to) < 0) {
    place_close(from);
    return -1;
  }
  return 0;
}

int op_link(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  struct place from;
  struct place to;
  if (two_places(argv, &from, &to) < 0) return -1;
  int result = linkat(from.parent, from.name, to.parent, to.name, 0);
  place_close(&from);
  return done(&to, result, "link", argv[1]);
}

static int rename_with(char** argv, unsigned flags, const char* what) {
  struct place from;
  struct place to;
  if (two_places(argv, &from, &to) < 0) return -1;
  // By number: not every C library of the supported systems has the wrapper.
  int result = (int)syscall(SYS_renameat2, from.parent, from.name, to.parent, to.name, flags);
  place_close(&from);
  return done(&to, result, what, argv[1]);
}

int op_rename(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  return rename_with(argv, 0, "rename");
}

int op_exchange(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  return rename_with(argv, 2 /* RENAME_EXCHANGE */, "exchange");
}

static int make_node(const char* path, mode_t mode, dev_t device) {
  struct place at;
  if (place_open(path, &at) < 0) return -1;
  return done(&at, mknodat(at.parent, at.name, mode, device), "mknod", path);
}

int op_mknod(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  static const struct {
    const char* word;
    mode_t type;
  } types[] = {{"c", S_IFCHR}, {"b", S_IFBLK}, {"p", S_IFIFO}, {"s", S_IFSOCK}, {"f", S_IFREG}};
  long long mode;
  long long major;
  long long minor;
  if (parse_number(argv[3], 8, &mode) < 0 || parse_number(argv[4], 10, &major) < 0 ||
      parse_number(argv[5], 10, &minor) < 0) {
    return -1;
  }
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (strcmp(types[i].word, argv[2]) == 0) {
      return make_node(argv[1], types[i].type | ((mode_t)mode & 07777),
                       makedev((unsigned)major, (unsigned)minor));
    }
  }
  return fail(EINVAL, "unknown node type %s", argv[2]);
}

int op_fifo(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long mode;
  if (parse_number(argv[2], 8, &mode) < 0) return -1;
  return make_node(argv[1], S_IFIFO | (mode_t)mode, 0);
}

int op_socket(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long mode;
  if (parse_number(argv[2], 8, &mode) < 0) return -1;
  return make_node(argv[1], S_IFSOCK | (mode_t)mode, 0);
}

int op_whiteout(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  return make_node(argv[1], S_IFCHR, makedev(0, 0));
}

const char* type_word(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    case S_IFCHR:
      return "character-device";
    case S_IFBLK:
      return "block-device";
    default:
      return "unknown";
  }
}

int op_stat(int argc, char** argv, struct bytes* out) {
  (void)argc;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  struct stat st;
  if (done(&at, fstatat(at.parent, at.name, &st, AT_SYMLINK_NOFOLLOW), "stat", argv[1]) < 0) {
    return -1;
  }
  char line[512];
  int length =
      snprintf(line, sizeof line, "%s %o %u %u %llu %llu %u:%u %u:%u %lld %lld\n",
               type_word(st.st_mode), st.st_mode & 07777u, st.st_uid, st.st_gid,
               (unsigned long long)st.st_nlink, (unsigned long long)st.st_ino, major(st.st_dev),
               minor(st.st_dev), major(st.st_rdev), minor(st.st_rdev), (long long)st.st_size,
               (long long)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
  bytes_add(out, line, (size_t)length);
  return 0;
}

int op_readlink(int argc, char** argv, struct bytes* out) {
  (void)argc;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  return done(&at, read_link(at.parent, at.name, out), "readlink", argv[1]);
}

int op_exists(int argc, char** argv, struct bytes* out) {
  (void)argc;
  struct place at;
  struct stat st;
  int result = place_open(argv[1], &at);
  if (result == 0) {
    result = fstatat(at.parent, at.name, &st, AT_SYMLINK_NOFOLLOW);
    if (done(&at, result, "stat", argv[1]) < 0) result = -1;
  }
  if (result < 0 && errno != ENOENT && errno != ENOTDIR) return -1;
  bytes_add(out, result < 0 ? "0" : "1", 1);
  return 0;
}

int op_list(int argc, char** argv, struct bytes* out) {
  (void)argc;
  int fd = path_open_directory(argv[1]);
  if (fd < 0) return -1;
  struct names names = {0};
  int result = names_read(fd, &names);
  if (result < 0) fail(errno, "readdir %s", argv[1]);
  close(fd);
  names_sort(&names);
  for (size_t i = 0; i < names.count; i++) bytes_add_string(out, names.items[i]);
  names_free(&names);
  return result;
}
