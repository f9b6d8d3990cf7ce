// What can be said only when everything has been seen: whether the names of a file are still the
// same, and where a file has come from.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "floor.h"

struct gone {
  uint64_t ino;
  size_t path;  // in the paths of its thread
};

struct linked {
  uint64_t after;
  uint64_t before;
};

enum { ORIGIN_HEAD = 21, INO32_GEN = 1 };

void add_late(struct worker* w, const struct late* late) {
  struct late* kept = grow(&w->late, sizeof *kept);
  *kept = *late;
  kept->path = strdup(late->path);
  kept->at_home = strdup(late->at_home);
  if (kept->path == NULL || kept->at_home == NULL) fail("strdup", late->path);
}

void add_gone(struct worker* w, uint64_t ino, const char* path) {
  struct gone* gone = grow(&w->gone, sizeof *gone);
  *gone = (struct gone){ino, w->gone_paths.size};
  const size_t size = strlen(path) + 1;
  memcpy(grow(&w->gone_paths, size), path, size);
}

void add_linked(struct worker* w, uint64_t after_ino, uint64_t before_ino) {
  struct linked* linked = grow(&w->linked, sizeof *linked);
  *linked = (struct linked){after_ino, before_ino};
}

void add_added(struct worker* w, uint64_t ino) {
  memcpy(grow(&w->added, sizeof ino), &ino, sizeof ino);
}

// As most filesystems make them: an inode number and a generation, of 32 bits each.
static bool tells_inode(const char* handle, size_t size) {
  return handle[0] == INO32_GEN && size == 1 + 8;
}

static uint32_t inode_of(const char* handle) {
  uint32_t ino;
  memcpy(&ino, handle + 1, sizeof ino);
  return ino;
}

// With its type in front. 0 where there is none.
static size_t handle_at(int dir, const char* name, char* to) {
  char buffer[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  struct file_handle* handle = (void*)buffer;
  int mount;
  handle->handle_bytes = MAX_HANDLE_SZ;
  if (name_to_handle_at(dir, name, handle, &mount, 0) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOENT || errno == EOVERFLOW) return 0;
    fail("name_to_handle_at", name);
  }
  to[0] = (char)handle->handle_type;
  memcpy(to + 1, handle->f_handle, handle->handle_bytes);
  return 1 + handle->handle_bytes;
}

size_t foreign_origin(struct worker* w, const struct side* before, const struct side* after,
                      char* handle) {
  const ssize_t n = get_mark(after, "origin", w->values[0]);
  const char* const value = w->values[0];
  if (n <= ORIGIN_HEAD || value[0] != 0 || (unsigned char)value[1] != 0xfb) return 0;
  if (value[2] != n || n - ORIGIN_HEAD > 120) return 0;
  const size_t size = 1 + (size_t)(n - ORIGIN_HEAD);
  handle[0] = value[4];
  memcpy(handle + 1, value + ORIGIN_HEAD, size - 1);
  if (before == NULL || S_ISDIR(before->st.st_mode)) return size;
  // Where the number is the same it is this file, or one that is no more and is nowhere else.
  if (tells_inode(handle, size)) return inode_of(handle) == (uint32_t)before->st.st_ino ? 0 : size;
  char own[1 + MAX_HANDLE_SZ];
  const size_t own_size = handle_at(before->dir, before->name, own);
  return own_size == size && memcmp(own, handle, size) == 0 ? 0 : size;
}

static struct list gather(size_t list) {
  struct list all = {0};
  for (unsigned i = 0; i < options.threads; i++) {
    const struct list* part = (const struct list*)(const void*)((const char*)&workers[i] + list);
    if (part->size > 0) memcpy(grow(&all, part->size), part->items, part->size);
  }
  return all;
}

static int by_number(const void* a, const void* b) {
  const uint64_t x = *(const uint64_t*)a;
  const uint64_t y = *(const uint64_t*)b;
  return x < y ? -1 : x > y;
}

static void sort(struct list* list, size_t each) {
  if (list->size > 0) qsort(list->items, list->size / each, each, by_number);
}

// The first of them; a pointer behind the last one where there is none.
static const char* first(const struct list* list, size_t each, uint64_t number) {
  size_t low = 0;
  size_t high = list->size / each;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (*(const uint64_t*)(const void*)(list->items + middle * each) < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return list->items + low * each;
}

static bool same_group(const struct list* linked, const struct list* added,
                       const struct late* late) {
  const char* const end = linked->items + linked->size;
  size_t names = 0;
  for (const char* at = first(linked, sizeof(struct linked), late->after_ino); at < end;
       at += sizeof(struct linked)) {
    const struct linked* name = (const struct linked*)(const void*)at;
    if (name->after != late->after_ino) break;
    if (name->before != late->before_ino) return false;
    names++;
  }
  const char* new_name = first(added, sizeof(uint64_t), late->after_ino);
  const bool joined = new_name < added->items + added->size &&
                      *(const uint64_t*)(const void*)new_name == late->after_ino;
  return !joined && names == late->before_links;
}

// In the order in which paths are listed: by components.
static bool comes_before(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) a++, b++;
  const unsigned x = *a == '/' ? 1 : (unsigned char)*a;
  const unsigned y = *b == '/' ? 1 : (unsigned char)*b;
  return x < y;
}

// What was at any of the paths that are no longer what they were and had that handle.
static const char* former_path(const struct late* late) {
  const char* found = "";
  const bool by_inode = tells_inode(late->origin, late->origin_size);
  for (unsigned i = 0; i < options.threads; i++) {
    const struct list* gone = &workers[i].gone;
    const char* at =
        by_inode ? first(gone, sizeof(struct gone), inode_of(late->origin)) : gone->items;
    for (; at < gone->items + gone->size; at += sizeof(struct gone)) {
      const struct gone* one = (const struct gone*)(const void*)at;
      if (by_inode && one->ino != inode_of(late->origin)) break;
      const char* path = workers[i].gone_paths.items + one->path;
      char handle[1 + MAX_HANDLE_SZ];
      const size_t size = handle_at(options.lower, path, handle);
      if (size != late->origin_size || memcmp(handle, late->origin, size) != 0) continue;
      if (*found == '\0' || comes_before(path, found)) found = path;
    }
  }
  return found;
}

static void print_one(struct worker* w, const struct late* late, const struct list* linked,
                      const struct list* added) {
  const char* from = late->origin_size > 0 ? former_path(late) : "";
  unsigned aspects = late->aspects;
  if (late->ask_links && !same_group(linked, added, late)) aspects |= LINKS;
  if (late->kind == 'M' && aspects == 0) return;
  if (strcmp(from, late->path) == 0 || strcmp(from, late->at_home) == 0) from = "";
  print_change(w, late->kind, aspects, late->path, from);
}

void print_late(void) {
  struct worker* w = &workers[0];
  struct list late = gather(offsetof(struct worker, late));
  if (late.size > 0) {
    struct list linked = gather(offsetof(struct worker, linked));
    struct list added = gather(offsetof(struct worker, added));
    if (linked.size > 0) {
      sort(&linked, sizeof(struct linked));
      sort(&added, sizeof(uint64_t));
    }
    for (unsigned i = 0; i < options.threads; i++) {
      sort(&workers[i].gone, sizeof(struct gone));
    }
    for (size_t at = 0; at < late.size; at += sizeof(struct late)) {
      print_one(w, (const struct late*)(const void*)(late.items + at), &linked, &added);
    }
  }
  flush_output(w);
}
