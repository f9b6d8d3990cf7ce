// Operations on mode, owner, times, extended attributes and access control lists.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lab.h"

static int done(struct place* place, int result, const char* what, const char* path) {
  place_close(place);
  return result < 0 ? fail(errno, "%s %s", what, path) : 0;
}

int op_chmod(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long mode;
  struct place at;
  if (parse_number(argv[2], 8, &mode) < 0 || place_open(argv[1], &at) < 0) return -1;
  // chmod() of the descriptor's procfs link is the portable form that does not follow a symlink:
  // fchmodat2(2) needs Linux 6.6.
  int fd = openat(at.parent, at.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return done(&at, -1, "open", argv[1]);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int result = chmod(path, (mode_t)mode);
  int error = errno;
  close(fd);
  errno = error;
  return done(&at, result, "chmod", argv[1]);
}

int op_chown(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long uid;
  long long gid;
  struct place at;
  if (parse_number(argv[2], 10, &uid) < 0 || parse_number(argv[3], 10, &gid) < 0 ||
      place_open(argv[1], &at) < 0) {
    return -1;
  }
  int result = fchownat(at.parent, at.name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW);
  return done(&at, result, "chown", argv[1]);
}

static struct timespec from_nanoseconds(long long value) {
  struct timespec time = {.tv_sec = value / 1000000000, .tv_nsec = value % 1000000000};
  // Before 1970 the division rounds the wrong way.
  if (time.tv_nsec < 0) {
    time.tv_nsec += 1000000000;
    time.tv_sec -= 1;
  }
  return time;
}

int op_utimens(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long accessed;
  long long modified;
  struct place at;
  if (parse_number(argv[2], 10, &accessed) < 0 || parse_number(argv[3], 10, &modified) < 0 ||
      place_open(argv[1], &at) < 0) {
    return -1;
  }
  const struct timespec times[2] = {from_nanoseconds(accessed), from_nanoseconds(modified)};
  int result = utimensat(at.parent, at.name, times, AT_SYMLINK_NOFOLLOW);
  return done(&at, result, "utimens", argv[1]);
}

int op_setxattr(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  size_t length;
  struct place at;
  if (unescape(argv[3], &length) < 0 || place_open(argv[1], &at) < 0) return -1;
  char path[PROC_PATH_SIZE];
  proc_path(path, at.parent, at.name);
  return done(&at, lsetxattr(path, argv[2], argv[3], length, 0), "setxattr", argv[1]);
}

int op_removexattr(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  char path[PROC_PATH_SIZE];
  proc_path(path, at.parent, at.name);
  return done(&at, lremovexattr(path, argv[2]), "removexattr", argv[1]);
}

int op_getxattr(int argc, char** argv, struct bytes* out) {
  (void)argc;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  char path[PROC_PATH_SIZE];
  proc_path(path, at.parent, at.name);
  return done(&at, read_xattr(path, argv[2], out), "getxattr", argv[1]);
}

int op_listxattr(int argc, char** argv, struct bytes* out) {
  (void)argc;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  char path[PROC_PATH_SIZE];
  proc_path(path, at.parent, at.name);
  return done(&at, read_xattr_names(path, out), "listxattr", argv[1]);
}

// The on-the-wire form of an ACL (linux/posix_acl_xattr.h), little endian on every machine.
static void add_little_endian(struct bytes* out, uint32_t value, size_t size) {
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)(value >> (8 * i));
    bytes_add(out, &byte, 1);
  }
}

// One entry such as `u:1234:r-x` or `m::rwx`.
static int add_acl_entry(const char* entry, struct bytes* out) {
  static const struct {
    char letter;
    uint16_t bare;   // the tag without an id
    uint16_t named;  // the tag with an id
  } tags[] = {{'u', 0x01, 0x02}, {'g', 0x04, 0x08}, {'m', 0x10, 0}, {'o', 0x20, 0}};
  const char* second = entry[0] != '\0' && entry[1] == ':' ? strchr(entry + 2, ':') : NULL;
  if (second == NULL || strlen(second + 1) != 3) return fail(EINVAL, "bad ACL entry %s", entry);
  uint32_t permissions = 0;
  for (int i = 0; i < 3; i++) {
    if (second[1 + i] == "rwx"[i]) {
      permissions |= 4u >> i;
    } else if (second[1 + i] != '-') {
      return fail(EINVAL, "bad ACL permissions %s", entry);
    }
  }
  bool named = second != entry + 2;
  uint32_t id = UINT32_MAX;
  if (named) {
    char* end;
    id = (uint32_t)strtoul(entry + 2, &end, 10);
    if (end != second) return fail(EINVAL, "bad ACL id %s", entry);
  }
  for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
    if (tags[i].letter != entry[0] || (named && tags[i].named == 0)) continue;
    add_little_endian(out, named ? tags[i].named : tags[i].bare, 2);
    add_little_endian(out, permissions, 2);
    add_little_endian(out, id, 4);
    return 0;
  }
  return fail(EINVAL, "bad ACL tag %s", entry);
}

int op_setacl(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  const char* attribute;
  char* text = argv[2];
  if (strncmp(text, "access ", 7) == 0) {
    attribute = "system.posix_acl_access";
    text += 7;
  } else if (strncmp(text, "default ", 8) == 0) {
    attribute = "system.posix_acl_default";
    text += 8;
  } else {
    return fail(EINVAL, "an ACL starts with access or default");
  }
  struct bytes value = {0};
  add_little_endian(&value, 2, 4);  // the version
  int result = 0;
  char* rest = NULL;
  for (char* entry = strtok_r(text, ",", &rest); entry != NULL && result == 0;
       entry = strtok_r(NULL, ",", &rest)) {
    result = add_acl_entry(entry, &value);
  }
  struct place at;
  if (result == 0) result = place_open(argv[1], &at);
  if (result == 0) {
    char path[PROC_PATH_SIZE];
    proc_path(path, at.parent, at.name);
    result = lsetxattr(path, attribute, value.data, value.length, 0);
    result = done(&at, result, "setacl", argv[1]);
  }
  bytes_free(&value);
  return result;
}
