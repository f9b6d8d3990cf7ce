// A directory: found, opened, compared and reported.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "floor.h"

static char* join(const char* directory, const char* name) {
  const size_t length = strlen(directory);
  const size_t size = strlen(name) + 1;
  char* out = allocate(length + 1 + size);
  memcpy(out, directory, length);
  out[length] = '/';
  memcpy(out + length + (length > 0), name, size);
  return out;
}

struct directory* below(struct directory* d, const char* name, bool in_upper, bool before,
                        bool after) {
  const size_t size = strlen(name) + 1;
  const size_t start = d->length + (d->length > 0);
  struct directory* child = allocate(sizeof *child + start + size);
  *child = (struct directory){.parent = d,
                              .in_upper = in_upper,
                              .in_before = before,
                              .name = start,
                              .length = start + size - 1,
                              .upper_fd = -1,
                              .before_fd = -1,
                              .after_fd = -1};
  atomic_init(&child->users, 1);
  atomic_fetch_add(&d->users, 1);
  memcpy(child->path, d->path, d->length);
  if (start > 0) child->path[d->length] = '/';
  memcpy(child->path + start, name, size);
  if (after) child->after = d->after == d->path ? child->path : join(d->after, name);
  return child;
}

// Only to look up names in it, which is cheaper to open, where attributes can be had of such a one.
static int open_lower(int parent, const char* name) {
  const int access = options.xattrat ? O_PATH : O_RDONLY;
  const int fd = openat(parent, name, access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) fail("openat", name);
  return fd;
}

// To read its names too.
static void make_readable(int* fd, const char* path) {
  if (*fd < 0) return;
  const int readable = openat(*fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0 || close(*fd) != 0) fail("openat", path);
  *fd = readable;
}

static void show(struct directory* d, char* path) {
  if (d->after != d->path) free(d->after);
  d->after = path;
}

// What was there, if it was no directory. False if there was nothing or one.
static bool open_before(struct worker* w, struct directory* d, struct side* file) {
  if (!d->in_before) return false;
  const int parent = d->parent == NULL ? options.lower : d->parent->before_fd;
  const char* name = d->parent == NULL ? "." : d->path + d->name;
  d->before_fd = open_lower(parent, name);
  if (d->before_fd >= 0 || errno == ENOENT) return false;
  *file = (struct side){.dir = parent, .name = name};
  return look(file, w->lists[0]);
}

// A redirect leads from the roots, or to another name in what shows of the parent.
static void follow(struct worker* w, struct directory* d, const struct side* upper) {
  const ssize_t n = get_mark(upper, "redirect", w->values[0]);
  if (n <= 0) fail("redirect", d->path);
  char* const to = w->values[0];
  to[n] = '\0';
  const struct directory* parent = d->parent;
  if (to[0] == '/') {
    d->after_fd = open_lower(options.lower, to + 1);
    show(d, join("", to + 1));
  } else if (parent->after != NULL) {
    d->after_fd = open_lower(parent->after_fd, to);
    show(d, join(parent->after, to));
  }
}

// What of the lower shows through it. Where a redirect leads to another place that is given.
static const char* open_after(struct worker* w, struct directory* d, const struct side* upper) {
  const bool root = d->parent == NULL;
  const struct marks marks = d->in_upper && !root ? marks_of(upper) : (struct marks){0};
  const bool opaque =
      marks.opaque && get_mark(upper, "opaque", w->values[0]) == 1 && w->values[0][0] == 'y';
  if (marks.redirect && !opaque) {
    follow(w, d, upper);
    if (d->after_fd < 0) show(d, NULL);
    return d->after == NULL || strcmp(d->after, d->path) == 0 ? "" : d->after;
  }
  // Below a plain directory what shows is what was there: one descriptor serves both.
  const bool plain = root || !d->parent->split;
  if (d->after != NULL && !opaque) {
    d->after_fd = plain ? d->before_fd : open_lower(d->parent->after_fd, d->path + d->name);
  }
  if (d->after_fd < 0) show(d, NULL);
  return "";
}

static void open_upper(struct directory* d) {
  const int parent = d->parent == NULL ? options.upper : d->parent->upper_fd;
  const char* name = d->parent == NULL ? "." : d->path + d->name;
  d->upper_fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (d->upper_fd < 0) fail("openat", d->path);
}

static void report_directory(struct worker* w, struct directory* d, struct side* after,
                             const char* from) {
  // By a name, since it may be open for looking up names only.
  struct side before = {.dir = d->before_fd, .name = options.xattrat ? "." : ""};
  const char* path = d->length == 0 ? "." : d->path;
  if (d->before_fd < 0) {
    print_change(w, 'A', 0, path, from);
    return;
  }
  if (fstat(before.dir, &before.st) != 0 || fstat(after->dir, &after->st) != 0) {
    fail("fstat", path);
  }
  // Only an ordinary user's mount: it could not have given the root another owner.
  if (d->length == 0 && options.user_marks) {
    before.st.st_uid = after->st.st_uid;
    before.st.st_gid = after->st.st_gid;
  }
  const unsigned aspects = compare_directories(w, &before, after);
  if (aspects != 0) print_change(w, 'M', aspects, path, from);
}

void open_and_report(struct worker* w, struct directory* d) {
  struct side file;
  struct side after = {.dir = -1, .name = ""};
  const bool was_file = open_before(w, d, &file);
  if (d->in_upper) {
    open_upper(d);
    after.dir = d->upper_fd;
    list_xattrs(&after, w->lists[1]);
  }
  const char* from = open_after(w, d, &after);
  if (!d->in_upper) {
    after.dir = d->after_fd;
    if (options.xattrat) after.name = ".";
  }
  d->split = d->after_fd != d->before_fd;
  if (was_file) {
    print_change(w, 'M', TYPE, d->path, from);
    if (!options.kinds_only) add_gone(w, file.st.st_ino, d->path);
  } else {
    report_directory(w, d, &after, from);
  }
  if (d->split && options.xattrat) {
    make_readable(&d->before_fd, d->path);
    make_readable(&d->after_fd, d->path);
  }
  if (d->parent != NULL) release(d->parent);
  d->parent = NULL;
}
