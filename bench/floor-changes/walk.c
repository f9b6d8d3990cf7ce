// Names: of the upper, and where that is not enough also of the lower.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "floor.h"

struct directory* root_directory(void) {
  struct directory* d = allocate(sizeof *d + 1);
  *d = (struct directory){
      .in_upper = true, .in_before = true, .upper_fd = -1, .before_fd = -1, .after_fd = -1};
  atomic_init(&d->users, 1);
  d->path[0] = '\0';
  d->after = d->path;
  return d;
}

void release(struct directory* d) {
  if (atomic_fetch_sub(&d->users, 1) > 1) return;
  if (d->after_fd != d->before_fd && d->after_fd >= 0) close(d->after_fd);
  if (d->before_fd >= 0) close(d->before_fd);
  if (d->upper_fd >= 0) close(d->upper_fd);
  if (d->after != d->path) free(d->after);
  free(d->names.dents);
  free(d->names.slots);
  free(d);
}

static size_t read_dents(int fd, char* to, const char* path) {
  const long n = syscall(SYS_getdents64, fd, to, DENTS);
  if (n < 0) fail("getdents64", path);
  return (size_t)n;
}

static bool is_dot(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static uint64_t hash_of(const char* name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *name != '\0'; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
  return hash ^ (hash >> 32);
}

static struct dent* dent_at(const char* dents, size_t at) {
  return (struct dent*)(void*)(uintptr_t)(dents + at);
}

// Slots hold offsets by eight, which dents are aligned to, and one, since 0 is an empty slot.
static uint32_t* slot_of(const struct names* names, const char* name) {
  for (size_t i = hash_of(name);; i++) {
    uint32_t* slot = &names->slots[i & names->mask];
    if (*slot == 0) return slot;
    if (strcmp(dent_at(names->dents, (size_t)(*slot - 1) * 8)->name, name) == 0) return slot;
  }
}

static void read_names(struct worker* w, struct directory* d) {
  struct names* names = &d->names;
  struct list all = {0};
  size_t count = 0;
  for (size_t n; (n = read_dents(d->upper_fd, w->dents, d->path)) > 0;) {
    memcpy(grow(&all, n), w->dents, n);
    for (size_t at = 0; at < n; at += dent_at(w->dents, at)->size) count++;
  }
  names->dents = all.items;
  names->size = all.size;
  names->mask = 15;
  while (names->mask < 2 * count) names->mask = 2 * names->mask + 1;
  names->slots = calloc(names->mask + 1, sizeof *names->slots);
  if (names->slots == NULL) fail("calloc", d->path);
  for (size_t at = 0; at < names->size; at += dent_at(names->dents, at)->size) {
    *slot_of(names, dent_at(names->dents, at)->name) = (uint32_t)(at / 8) + 1;
  }
}

static bool in_upper(const struct directory* d, const char* name) {
  return d->names.slots != NULL && *slot_of(&d->names, name) != 0;
}

static void visit_upper(struct worker* w, struct directory* d, const struct dent* e) {
  const char* const name = e->name;
  if (e->type == DT_DIR) {
    push(w, below(d, name, true, d->before_fd >= 0, d->after_fd >= 0));
    return;
  }
  struct side before = {.dir = w->before_fd, .name = name};
  struct side after = {.dir = w->upper_fd, .name = name, .st = {.st_mode = DTTOIF(e->type)}};
  const bool was = d->before_fd >= 0 && look(&before, w->lists[0]);
  if ((was || e->type == DT_CHR || e->type == DT_UNKNOWN) &&
      fstatat(after.dir, name, &after.st, AT_SYMLINK_NOFOLLOW) != 0) {
    fail("fstatat", w->path);
  }
  if (S_ISDIR(after.st.st_mode)) {
    push(w, below(d, name, true, d->before_fd >= 0, d->after_fd >= 0));
    return;
  }
  bool whiteout = S_ISCHR(after.st.st_mode) && after.st.st_rdev == 0;
  if (was && S_ISREG(after.st.st_mode) && after.st.st_size == 0) {
    list_xattrs(&after, w->lists[1]);
    whiteout = marks_of(&after).whiteout;
  }
  if (whiteout) {
    if (was) judge_deleted(w, &before);
  } else if (!was) {
    judge_added(w, d, &after, e->ino);
  } else if (((before.st.st_mode ^ after.st.st_mode) & S_IFMT) != 0) {
    judge_type(w, d, &before, &after, true);
  } else {
    judge(w, d, &before, &after, true);
  }
}

// A name that only the lower has, in a directory that is not what it was.
static void visit_lower(struct worker* w, struct directory* d, enum phase phase, const char* name) {
  if (in_upper(d, name)) return;
  struct side before = {.dir = w->before_fd, .name = name};
  struct side after = {.dir = w->after_fd, .name = name};
  const bool was = d->before_fd >= 0 && look(&before, w->lists[0]);
  if (phase == AFTER && was) return;  // visited already
  const bool is = d->after_fd >= 0 && look(&after, w->lists[1]);
  if (!was && !is) return;
  if (!is) {
    judge_deleted(w, &before);
  } else if (S_ISDIR(after.st.st_mode)) {
    push(w, below(d, name, false, d->before_fd >= 0, true));
  } else if (!was) {
    print_change(w, 'A', 0, w->path, "");
  } else if (((before.st.st_mode ^ after.st.st_mode) & S_IFMT) != 0) {
    judge_type(w, d, &before, &after, false);
  } else {
    judge(w, d, &before, &after, false);
  }
}

// The next names, in dents of w or of the directory. 0 when the directory is done.
static size_t next_names(struct worker* w, struct directory* d, char** dents) {
  *dents = w->dents;
  if (d->phase == UPPER && d->in_upper && !d->split) {
    return read_dents(d->upper_fd, w->dents, d->path);
  }
  if (d->phase == UPPER) {
    struct names* names = &d->names;
    const size_t first = names->next;
    *dents = names->dents + first;
    while (names->next < names->size && names->next - first < DENTS) {
      names->next += dent_at(names->dents, names->next)->size;
    }
    if (names->next > first) return names->next - first;
    d->phase = BEFORE;
    *dents = w->dents;
  }
  if (d->phase == BEFORE) {
    const size_t n = d->before_fd < 0 ? 0 : read_dents(d->before_fd, w->dents, d->path);
    if (n > 0) return n;
    d->phase = AFTER;
  }
  return d->after_fd < 0 ? 0 : read_dents(d->after_fd, w->dents, d->path);
}

static int open_again(int fd) {
  if (fd < 0) return fd;
  const int own = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) fail("openat", ".");
  return own;
}

// Threads that look up names by one descriptor would wait for its reference count all the time.
static bool use_own_descriptors(struct worker* w, const struct directory* d, bool shared) {
  const bool own = shared && options.threads > 1;
  w->upper_fd = own ? open_again(d->upper_fd) : d->upper_fd;
  w->before_fd = own ? open_again(d->before_fd) : d->before_fd;
  w->after_fd = own && d->split ? open_again(d->after_fd) : d->after_fd;
  return own;
}

static void close_own_descriptors(const struct worker* w, const struct directory* d) {
  if (w->upper_fd >= 0) close(w->upper_fd);
  if (w->before_fd >= 0) close(w->before_fd);
  if (d->split && w->after_fd >= 0) close(w->after_fd);
}

void work_on(struct worker* w, struct directory* d) {
  const bool shared = d->opened;
  if (!shared) {
    d->opened = true;
    open_and_report(w, d);
    if (d->in_upper && d->split && (d->before_fd >= 0 || d->after_fd >= 0)) {
      read_names(w, d);
    } else if (d->in_upper) {
      d->split = false;  // nothing below it: names of the upper only
    }
  }
  const bool own = use_own_descriptors(w, d, shared);
  for (;;) {
    char* dents;
    const size_t n = next_names(w, d, &dents);
    if (n == 0) break;
    const enum phase phase = d->phase;
    // The rest of a large directory is anybody's.
    const bool large = n > DENTS / 2;
    if (large) {
      atomic_fetch_add(&d->users, 1);
      push(w, d);
    }
    memcpy(w->path, d->path, d->length);
    const size_t length = d->length + (d->length > 0);
    if (d->length > 0) w->path[d->length] = '/';
    for (size_t i = 0; i < n; i += dent_at(dents, i)->size) {
      const struct dent* e = dent_at(dents, i);
      if (is_dot(e->name)) continue;
      append(w->path, length, e->name);
      if (phase == UPPER) {
        visit_upper(w, d, e);
      } else {
        visit_lower(w, d, phase, e->name);
      }
    }
    if (large) break;
  }
  if (own) close_own_descriptors(w, d);
  release(d);
}
