// Copies with every attribute, extended ones under the very names that are read.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lab.h"

static bool starts(const char* text, const char* prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool lists(const struct bytes* list, const char* name) {
  for (size_t at = 0; at < list->length; at += strlen(list->data + at) + 1) {
    if (strcmp(list->data + at, name) == 0) return true;
  }
  return false;
}

int copy_xattrs(int from, const char* from_name, int to, const char* to_name) {
  char source[PROC_PATH_SIZE];
  char target[PROC_PATH_SIZE];
  proc_path(source, from, from_name);
  proc_path(target, to, to_name);
  struct bytes wanted = {0};
  struct bytes present = {0};
  struct bytes value = {0};
  int result = 0;
  if (read_xattr_names(source, &wanted) < 0 || read_xattr_names(target, &present) < 0) {
    result = fail(errno, "listxattr %s", to_name);
  }
  for (size_t at = 0; at < present.length && result == 0; at += strlen(present.data + at) + 1) {
    const char* name = present.data + at;
    // XFS's own storage of an ACL is no attribute to be changed by hand.
    if (starts(name, "trusted.SGI_ACL_") || lists(&wanted, name)) continue;
    if (lremovexattr(target, name) < 0) result = fail(errno, "removexattr %s %s", name, to_name);
  }
  for (size_t at = 0; at < wanted.length && result == 0; at += strlen(wanted.data + at) + 1) {
    const char* name = wanted.data + at;
    if (starts(name, "trusted.SGI_ACL_")) continue;
    if (read_xattr(source, name, &value) < 0) {
      result = fail(errno, "getxattr %s %s", name, from_name);
    } else if (lsetxattr(target, name, value.data, value.length, 0) < 0) {
      result = fail(errno, "setxattr %s %s", name, to_name);
    }
  }
  bytes_free(&wanted);
  bytes_free(&present);
  bytes_free(&value);
  return result;
}

static int copy_bytes(int source, int target, const char* label) {
  char block[65536];
  for (;;) {
    ssize_t got = read(source, block, sizeof block);
    if (got < 0) return fail(errno, "read %s", label);
    if (got == 0) return 0;
    if (write_all(target, block, (size_t)got, -1) < 0) return fail(errno, "write %s", label);
  }
}

int copy_content(int from, const char* from_name, int to, const char* to_name) {
  int source = openat(from, from_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) return fail(errno, "open %s", from_name);
  int target = openat(to, to_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  int result = target < 0 ? fail(errno, "open %s", to_name) : 0;
  if (result == 0) result = copy_bytes(source, target, to_name);
  if (target >= 0 && close(target) < 0 && result == 0) result = fail(errno, "close %s", to_name);
  close(source);
  return result;
}

static int copy_target(int from, const char* from_name, int to, const char* to_name) {
  struct bytes target = {0};
  int result = 0;
  if (read_link(from, from_name, &target) < 0) {
    result = fail(errno, "readlink %s", from_name);
  } else if (symlinkat(target.data, to, to_name) < 0) {
    result = fail(errno, "symlink %s", to_name);
  }
  bytes_free(&target);
  return result;
}

int copy_mode(const struct stat* st, int to, const char* name) {
  if (S_ISLNK(st->st_mode)) return 0;
  if (fchmodat(to, name, st->st_mode & 07777, 0) < 0) return fail(errno, "chmod %s", name);
  return 0;
}

int copy_owner(const struct stat* st, int to, const char* name) {
  if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0) {
    return fail(errno, "chown %s", name);
  }
  return 0;
}

int copy_times(const struct stat* st, int to, const char* name) {
  const struct timespec times[2] = {st->st_atim, st->st_mtim};
  if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0) return fail(errno, "utimens %s", name);
  return 0;
}

int copy_data(const struct stat* st, int from, const char* from_name, int to, const char* to_name) {
  int made;
  switch (st->st_mode & S_IFMT) {
    case S_IFREG:
      return copy_content(from, from_name, to, to_name);
    case S_IFLNK:
      return copy_target(from, from_name, to, to_name);
    case S_IFDIR:
      made = mkdirat(to, to_name, 0700);
      break;
    default:
      made = mknodat(to, to_name, (st->st_mode & S_IFMT) | 0600, st->st_rdev);
  }
  return made < 0 ? fail(errno, "make %s", to_name) : 0;
}

int copy_attributes(const struct stat* st, int from, const char* from_name, int to,
                    const char* to_name) {
  // A change of owner clears bits of the mode and capabilities, and an ACL has a say in the mode.
  if (copy_owner(st, to, to_name) < 0 || copy_mode(st, to, to_name) < 0 ||
      copy_xattrs(from, from_name, to, to_name) < 0 || copy_mode(st, to, to_name) < 0) {
    return -1;
  }
  return copy_times(st, to, to_name);
}

// What has been copied already, under which path below the copy's root.
struct copying {
  struct link_table links;
  struct bytes path;
  int root;
};

static int link_to_copy(const struct copying* copy, const char* path, int to, const char* name) {
  if (linkat(copy->root, path, to, name, 0) < 0) return fail(errno, "link %s", path);
  return 0;
}

static int copy_children(struct copying* copy, int from, int to);

static int copy_entry(struct copying* copy, int from, int to, const char* name) {
  struct stat st;
  int found = look(from, name, copy->path.data, &st);
  if (found <= 0) return found;
  if (!S_ISDIR(st.st_mode)) {
    const char* made = st.st_nlink > 1 ? links_find(&copy->links, &st) : NULL;
    if (made != NULL) return link_to_copy(copy, made, to, name);
    if (st.st_nlink > 1) links_add(&copy->links, &st, copy->path.data);
    if (copy_data(&st, from, name, to, name) < 0) return -1;
    return copy_attributes(&st, from, name, to, name);
  }
  if (copy_data(&st, from, name, to, name) < 0) return -1;
  bool failed = false;
  int inner_from = enter(from, name, copy->path.data, true, &failed);
  int inner_to = failed ? -1 : enter(to, name, copy->path.data, true, &failed);
  int result = failed ? -1 : copy_children(copy, inner_from, inner_to);
  if (inner_from >= 0) close(inner_from);
  if (inner_to >= 0) close(inner_to);
  // A default ACL must not be there before the children.
  return result < 0 ? -1 : copy_attributes(&st, from, name, to, name);
}

static int copy_children(struct copying* copy, int from, int to) {
  struct names names = {0};
  int result = names_read(from, &names);
  if (result < 0) fail(errno, "readdir %s", copy->path.data);
  names_sort(&names);
  size_t mark = copy->path.length;
  for (size_t i = 0; i < names.count && result == 0; i++) {
    if (mark > 0) bytes_add(&copy->path, "/", 1);
    bytes_add(&copy->path, names.items[i], strlen(names.items[i]));
    result = copy_entry(copy, from, to, names.items[i]);
    copy->path.length = mark;
    copy->path.data[mark] = '\0';
  }
  names_free(&names);
  return result;
}

int op_copytree(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  struct copying copy = {.root = -1};
  bytes_add(&copy.path, "", 0);
  int from = path_open_directory(argv[1]);
  if (from >= 0) copy.root = path_open_directory(argv[2]);
  struct stat st;
  int result = copy.root < 0 ? -1 : copy_children(&copy, from, copy.root);
  if (result == 0 && fstat(from, &st) < 0) result = fail(errno, "stat %s", argv[1]);
  if (result == 0) result = copy_attributes(&st, from, ".", copy.root, ".");
  if (from >= 0) close(from);
  if (copy.root >= 0) close(copy.root);
  links_free(&copy.links);
  bytes_free(&copy.path);
  return result;
}
