// The oracle: an obvious, slow double walk of the view before and the view after.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lab.h"

// The walk's present directories; -1 where a side has none.
struct sides {
  int before;
  int after;
  int upper;
};

struct comparison {
  bool expand;
  bool indexed;
  bool applied;  // "before" is a copy of the view before, to which the changes were applied
  bool ignore_root_owner;
  bool ignore_root_mode;
  struct xattr_view before_view;
  struct xattr_view after_view;
  struct link_table before_links;
  struct link_table after_links;
  struct bytes path;
  size_t depth;
  struct bytes* out;
};

static void emit(struct comparison* c, const char* kind, mode_t type, const char* previous,
                 const char* aspects) {
  bytes_add_string(c->out, kind);
  bytes_add_string(c->out, type_word(type));
  bytes_add_string(c->out, previous);
  bytes_add_string(c->out, aspects);
  bytes_add_string(c->out, c->path.data);
}

static void add_aspect(struct bytes* aspects, const char* word) {
  if (aspects->length > 0) bytes_add(aspects, ",", 1);
  bytes_add(aspects, word, strlen(word));
}

static ssize_t read_block(int fd, char* block, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    ssize_t got = read(fd, block + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    filled += (size_t)got;
  }
  return (ssize_t)filled;
}

static int same_bytes(int before, int after, bool* same) {
  static char left[65536];
  static char right[65536];
  for (;;) {
    ssize_t left_size = read_block(before, left, sizeof left);
    if (left_size < 0) return -1;
    ssize_t right_size = read_block(after, right, sizeof right);
    if (right_size < 0) return -1;
    *same = left_size == right_size && memcmp(left, right, (size_t)left_size) == 0;
    if (!*same || left_size == 0) return 0;
  }
}

static int compare_content(const struct comparison* c, int before, int after, const char* name,
                           bool* same) {
  int left = openat(before, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (left < 0) return fail(errno, "open before %s", c->path.data);
  int right = openat(after, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  int result = right < 0 ? fail(errno, "open after %s", c->path.data) : 0;
  if (result == 0 && same_bytes(left, right, same) < 0) {
    result = fail(errno, "read %s", c->path.data);
  }
  if (right >= 0) close(right);
  close(left);
  return result;
}

static int compare_target(const struct comparison* c, int before, int after, const char* name,
                          bool* same) {
  struct bytes left = {0};
  struct bytes right = {0};
  int result = 0;
  if (read_link(before, name, &left) < 0 || read_link(after, name, &right) < 0) {
    result = fail(errno, "readlink %s", c->path.data);
  } else {
    *same = left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
  }
  bytes_free(&left);
  bytes_free(&right);
  return result;
}

// Whether an indexed name is of the same file as before: copied up, and of the same inode number.
// The upper bits say of which layer it is, where the mount has `xino`, as the view before has not.
static bool same_file(const struct comparison* c, const struct sides* at, const char* name,
                      const struct stat* b, const struct stat* a) {
  static const unsigned long long kNumber = (1ull << 48) - 1;
  char path[PROC_PATH_SIZE];
  char origin[sizeof "trusted.overlay.origin"];
  proc_path(path, at->upper, name);
  snprintf(origin, sizeof origin, "%sorigin", c->after_view.own);
  return lgetxattr(path, origin, NULL, 0) >= 0 && (b->st_ino & kNumber) == (a->st_ino & kNumber);
}

// Without an index only the name that was copied up tells that a group was broken, not those left
// behind. With one, names that the upper lacks are served from the index too: then their inode is
// another, which the time of its last change gives away.
static int compare_links(const struct comparison* c, const struct sides* at, const char* name,
                         const struct stat* b, const struct stat* a, struct bytes* aspects) {
  struct stat copied;
  int in_upper = look(at->upper, name, c->path.data, &copied);
  if (in_upper < 0) return -1;
  const struct stat* group = in_upper == 1 && !c->indexed ? &copied : a;
  bool loses_outside = in_upper == 1;
  if (c->applied) {
    loses_outside = false;  // a copy has no names outside
  } else if (c->indexed && in_upper == 1) {
    loses_outside = !same_file(c, at, name, b, a);
  } else if (in_upper == 0 && !(c->indexed && (b->st_ctim.tv_sec != a->st_ctim.tv_sec ||
                                               b->st_ctim.tv_nsec != a->st_ctim.tv_nsec))) {
    return 0;
  }
  if (links_differ(c->path.data, &c->before_links, b, &c->after_links, group, loses_outside)) {
    add_aspect(aspects, "links");
  }
  return 0;
}

// Both sides have the entry, with the same type. Adds the differing aspects in the fixed order.
static int compare_entry(const struct comparison* c, const struct sides* at, const char* name,
                         const struct stat* b, const struct stat* a, struct bytes* aspects) {
  bool root = strcmp(name, ".") == 0;
  bool same = true;
  if (S_ISREG(b->st_mode)) {
    same = b->st_size == a->st_size;
    if (same && compare_content(c, at->before, at->after, name, &same) < 0) return -1;
    if (!same) add_aspect(aspects, "content");
  }
  if ((b->st_mode & 07777) != (a->st_mode & 07777) && !(root && c->ignore_root_mode)) {
    add_aspect(aspects, "mode");
  }
  if ((b->st_uid != a->st_uid || b->st_gid != a->st_gid) && !(root && c->ignore_root_owner)) {
    add_aspect(aspects, "owner");
  }
  if (xattrs_compare(at->before, &c->before_view, at->after, &c->after_view, name, c->path.data,
                     &same) < 0) {
    return -1;
  }
  if (!same) add_aspect(aspects, "xattrs");
  if (S_ISDIR(b->st_mode)) return 0;
  if (b->st_mtim.tv_sec != a->st_mtim.tv_sec || b->st_mtim.tv_nsec != a->st_mtim.tv_nsec) {
    add_aspect(aspects, "times");
  }
  if ((S_ISCHR(b->st_mode) || S_ISBLK(b->st_mode)) && b->st_rdev != a->st_rdev) {
    add_aspect(aspects, "device");
  }
  if (S_ISLNK(b->st_mode)) {
    if (compare_target(c, at->before, at->after, name, &same) < 0) return -1;
    if (!same) add_aspect(aspects, "target");
  }
  return compare_links(c, at, name, b, a, aspects);
}

// Compares one entry and reports it; NULL stands for an absent one. The walk goes on below it.
static int report(struct comparison* c, const struct sides* at, const char* name,
                  const struct stat* b, const struct stat* a) {
  if (b == NULL) {
    emit(c, "A", a->st_mode, "", "");
    return 0;
  }
  if (a == NULL) {
    emit(c, "D", b->st_mode, "", "");
    return 0;
  }
  if ((b->st_mode & S_IFMT) != (a->st_mode & S_IFMT)) {
    emit(c, "M", a->st_mode, type_word(b->st_mode), "type");
    return 0;
  }
  struct bytes aspects = {0};
  int result = compare_entry(c, at, name, b, a, &aspects);
  if (result == 0 && aspects.length > 0) emit(c, "M", a->st_mode, "", aspects.data);
  bytes_free(&aspects);
  return result;
}

static int walk(struct comparison* c, struct sides* at);

static int descend(struct comparison* c, struct sides* at, const char* name, bool before,
                   bool after) {
  bool failed = false;
  struct sides inner = {-1, -1, -1};
  if (before) inner.before = enter(at->before, name, c->path.data, true, &failed);
  if (after && !failed) inner.after = enter(at->after, name, c->path.data, true, &failed);
  if (!failed) inner.upper = enter(at->upper, name, c->path.data, false, &failed);
  size_t depth = c->depth;
  int result = -1;
  if (!failed) {
    leave_outer(&at->before, inner.before, depth);
    leave_outer(&at->after, inner.after, depth);
    leave_outer(&at->upper, inner.upper, depth);
    c->depth++;
    result = walk(c, &inner);
    c->depth--;
  }
  result = return_outer(&at->before, inner.before, depth, result);
  result = return_outer(&at->after, inner.after, depth, result);
  return return_outer(&at->upper, inner.upper, depth, result);
}

static int visit(struct comparison* c, struct sides* at, const char* name) {
  struct stat b;
  struct stat a;
  int has_before = look(at->before, name, c->path.data, &b);
  int has_after = has_before < 0 ? -1 : look(at->after, name, c->path.data, &a);
  if (has_before < 0 || has_after < 0) return -1;
  if (has_before == 0 && has_after == 0) return 0;
  if (report(c, at, name, has_before ? &b : NULL, has_after ? &a : NULL) < 0) return -1;
  bool after_directory = has_after == 1 && S_ISDIR(a.st_mode);
  // What was below a directory that is gone is said only on request.
  bool before_directory = has_before == 1 && S_ISDIR(b.st_mode) && (after_directory || c->expand);
  if (!before_directory && !after_directory) return 0;
  return descend(c, at, name, before_directory, after_directory);
}

static int walk(struct comparison* c, struct sides* at) {
  struct names names = {0};
  int result = 0;
  if (at->before >= 0) result = names_read(at->before, &names);
  if (at->after >= 0 && result == 0) result = names_read(at->after, &names);
  if (result < 0) fail(errno, "readdir %s", c->path.data);
  names_sort(&names);
  size_t mark = c->path.length;
  for (size_t i = 0; i < names.count && result == 0; i++) {
    if (mark > 0) bytes_add(&c->path, "/", 1);
    bytes_add(&c->path, names.items[i], strlen(names.items[i]));
    result = visit(c, at, names.items[i]);
    c->path.length = mark;
    c->path.data[mark] = '\0';
  }
  names_free(&names);
  return result;
}

static bool on_overlay(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static bool is_mount_root(int fd) {
  struct statx st;
  return statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) == 0 &&
         (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int parse_flags(struct comparison* c, char* text) {
  char* rest = NULL;
  const char* own = NULL;
  for (char* word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
    if (strcmp(word, "expand") == 0) {
      c->expand = true;
    } else if (strcmp(word, "index") == 0) {
      c->indexed = true;
    } else if (strcmp(word, "applied") == 0) {
      c->applied = true;
    } else if (strcmp(word, "own=trusted") == 0) {
      own = "trusted.overlay.";
    } else if (strcmp(word, "own=user") == 0) {
      own = "user.overlay.";
    } else if (strcmp(word, "rootowner=ignore") == 0) {
      c->ignore_root_owner = true;
    } else if (strcmp(word, "rootmode=ignore") == 0) {
      c->ignore_root_mode = true;
    } else {
      return fail(EINVAL, "unknown flag %s", word);
    }
  }
  if (own == NULL) return fail(EINVAL, "own=trusted or own=user is needed");
  c->before_view.own = own;
  c->after_view.own = own;
  return 0;
}

static int compare_trees(struct comparison* c, struct sides* roots) {
  // A base view that is not the root of a mount is a plain directory, even when it lies on an
  // overlay (a container's root); the view after is a merged one whenever it is on an overlay.
  c->before_view.verbatim =
      c->applied || (on_overlay(roots->before) && is_mount_root(roots->before));
  c->after_view.verbatim = on_overlay(roots->after);
  int upper = c->indexed ? -1 : roots->upper;
  bool untouched = c->indexed || c->applied;
  if (roots->upper >= 0 && (links_collect(roots->before, -1, true, &c->before_links) < 0 ||
                            links_collect(roots->after, upper, untouched, &c->after_links) < 0)) {
    return -1;
  }
  bytes_add(&c->path, ".", 1);
  struct stat b;
  struct stat a;
  if (fstat(roots->before, &b) < 0 || fstat(roots->after, &a) < 0) {
    return fail(errno, "stat of a root");
  }
  if (report(c, roots, ".", &b, &a) < 0) return -1;
  // Only the root itself is called "."; names below it have no prefix.
  c->path.length = 0;
  c->path.data[0] = '\0';
  return walk(c, roots);
}

int op_compare(int argc, char** argv, struct bytes* out) {
  struct comparison c = {.out = out};
  if (parse_flags(&c, argv[3]) < 0) return -1;
  struct sides roots = {-1, -1, -1};
  roots.before = path_open_directory(argv[1]);
  if (roots.before >= 0) roots.after = path_open_directory(argv[2]);
  if (roots.after >= 0 && argc > 4) roots.upper = path_open_directory(argv[4]);
  bool opened = roots.after >= 0 && (argc < 5 || roots.upper >= 0);
  int result = opened ? compare_trees(&c, &roots) : -1;
  if (roots.before >= 0) close(roots.before);
  if (roots.after >= 0) close(roots.after);
  if (roots.upper >= 0) close(roots.upper);
  links_free(&c.before_links);
  links_free(&c.after_links);
  bytes_free(&c.path);
  return result;
}
