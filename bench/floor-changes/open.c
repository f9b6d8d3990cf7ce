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

// Where the overlay and the lower have the same path there is one string for all.
static char* path_below(struct directory* child, const struct directory* d, const char* in,
                        const char* name) {
  return in == d->path ? child->path : join(in, name);
}

struct directory* below(const struct directory* d, const char* name, bool in_upper, bool before,
                        bool after) {
  const size_t size = strlen(name) + 1;
  const size_t slash = d->length > 0;
  struct directory* child = allocate(sizeof *child + d->length + slash + size);
  *child = (struct directory){.in_upper = in_upper,
                              .length = d->length + slash + size - 1,
                              .upper_fd = -1,
                              .before_fd = -1,
                              .after_fd = -1};
  atomic_init(&child->users, 1);
  memcpy(child->path, d->path, d->length);
  if (slash > 0) child->path[d->length] = '/';
  memcpy(child->path + d->length + slash, name, size);
  if (before) child->before = path_below(child, d, d->before, name);
  // Below a plain directory what shows is what was there: one opening serves both.
  if (after && d->split) child->after = path_below(child, d, d->after, name);
  if (after && !d->split) child->after = child->before;
  child->split = d->split;
  return child;
}

// Only to look up names in it, which is cheaper to open, where attributes can be had of such a one.
static int open_lower(const char* path) {
  if (*path == '\0') path = ".";
  const int access = options.xattrat ? O_PATH : O_RDONLY;
  return openat(options.lower, path, access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// To read its names too.
static void make_readable(int* fd, const char* path) {
  if (*fd < 0) return;
  const int readable = openat(*fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0 || close(*fd) != 0) fail("openat", path);
  *fd = readable;
}

static void forget(struct directory* d, char** path) {
  char* const old = *path;
  *path = NULL;
  if (old != d->path && d->before != old && d->after != old) free(old);
}

// What was there, if it was no directory. False if there was nothing or one.
static bool open_before(struct worker* w, struct directory* d, struct side* file) {
  if (d->before == NULL) return false;
  d->before_fd = open_lower(d->before);
  if (d->before_fd >= 0) return false;
  if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) fail("openat", d->before);
  bool was = false;
  if (errno != ENOENT) {
    *file = (struct side){.dir = options.lower, .name = d->before};
    was = look(file, w->lists[0]);
  }
  if (d->after == d->before) d->after = NULL;
  forget(d, &d->before);
  return was;
}

// A redirect leads from the roots, or to another name in what shows of the parent.
static void follow(struct worker* w, struct directory* d, const struct side* upper) {
  const ssize_t n = get_mark(upper, "redirect", w->values[0]);
  if (n <= 0) fail("redirect", d->path);
  char* const value = w->values[0];
  value[n] = '\0';
  char* to = NULL;
  if (value[0] == '/') {
    to = join("", value + 1);
  } else if (d->after != NULL) {
    char* const slash = strrchr(d->after, '/');
    char* parent = strdup(slash == NULL ? "" : d->after);
    if (parent == NULL) fail("strdup", d->path);
    if (slash != NULL) parent[slash - d->after] = '\0';
    to = join(parent, value);
    free(parent);
  }
  char* const old = d->after;
  d->after = to;
  if (old != NULL && old != d->before && old != d->path) free(old);
}

// What of the lower shows through it; where it is another directory than before its path is given.
static const char* open_after(struct worker* w, struct directory* d, struct side* upper) {
  const struct marks marks = d->length > 0 ? marks_of(upper) : (struct marks){0};
  const bool opaque =
      marks.opaque && get_mark(upper, "opaque", w->values[0]) == 1 && w->values[0][0] == 'y';
  const char* from = "";
  if (opaque) {
    forget(d, &d->after);
  } else if (marks.redirect) {
    follow(w, d, upper);
    if (d->after != NULL && strcmp(d->after, d->path) != 0) from = d->after;
  }
  return from;
}

static void open_upper(struct directory* d) {
  const char* path = d->length == 0 ? "." : d->path;
  d->upper_fd = openat(options.upper, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
  const char* from = "";
  struct side after = {.dir = -1, .name = ""};
  if (d->in_upper) {
    open_upper(d);
    after.dir = d->upper_fd;
    list_xattrs(&after, w->lists[1]);
    from = open_after(w, d, &after);
  }
  const bool was_file = open_before(w, d, &file);
  if (d->after != NULL && d->after != d->before) {
    d->after_fd = open_lower(d->after);
    // A redirect that leads to nothing.
    if (d->after_fd < 0) forget(d, &d->after);
  }
  if (!d->in_upper) {
    after.dir = d->after_fd;
    if (options.xattrat) after.name = ".";
  }
  d->split = d->after != d->before;
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
  // One descriptor serves both; it is closed once.
  if (!d->split) d->after_fd = d->before_fd;
}
