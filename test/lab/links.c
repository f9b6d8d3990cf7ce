// Hard link groups: which names of a tree share an inode.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab.h"

void links_add(struct link_table* table, const struct stat* st, const char* path) {
  size_t size = strlen(path) + 1;
  table->items = lab_realloc(table->items, (table->count + 1) * sizeof *table->items);
  table->items[table->count++] = (struct link_name){
      .device = st->st_dev,
      .inode = st->st_ino,
      .path = memcpy(lab_realloc(NULL, size), path, size),
  };
}

const char* links_find(const struct link_table* table, const struct stat* st) {
  for (size_t i = 0; i < table->count; i++) {
    const struct link_name* item = &table->items[i];
    if (item->device == st->st_dev && item->inode == st->st_ino) return item->path;
  }
  return NULL;
}

// The walk's present directories; upper is -1 when names identify themselves.
struct position {
  int directory;
  int upper;
  bool untouched;
  size_t depth;
};

static int collect(struct position* at, struct bytes* path, struct link_table* table);

static int collect_entry(struct position* at, const char* name, struct bytes* path,
                         struct link_table* table) {
  struct stat st;
  int found = look(at->directory, name, path->data, &st);
  if (found <= 0) return found;
  if (!S_ISDIR(st.st_mode)) {
    struct stat copied;
    int in_upper = look(at->upper, name, path->data, &copied);
    if (in_upper < 0) return -1;
    if (in_upper == 0 && !at->untouched) return 0;
    if (in_upper == 1) st = copied;
    if (st.st_nlink > 1) links_add(table, &st, path->data);
    return 0;
  }
  bool failed = false;
  struct position inner = {.upper = enter(at->upper, name, path->data, false, &failed),
                           .untouched = at->untouched,
                           .depth = at->depth + 1};
  if (failed) return -1;
  if (!at->untouched && inner.upper < 0) return 0;
  inner.directory = enter(at->directory, name, path->data, true, &failed);
  if (failed) {
    if (inner.upper >= 0) close(inner.upper);
    return -1;
  }
  leave_outer(&at->directory, inner.directory, at->depth);
  leave_outer(&at->upper, inner.upper, at->depth);
  int result = collect(&inner, path, table);
  result = return_outer(&at->directory, inner.directory, at->depth, result);
  return return_outer(&at->upper, inner.upper, at->depth, result);
}

static int collect(struct position* at, struct bytes* path, struct link_table* table) {
  struct names names = {0};
  int result = names_read(at->directory, &names);
  if (result < 0) fail(errno, "readdir %s", path->data);
  // The same order on both sides lets groups be compared name by name.
  names_sort(&names);
  size_t mark = path->length;
  for (size_t i = 0; i < names.count && result == 0; i++) {
    if (mark > 0) bytes_add(path, "/", 1);
    bytes_add(path, names.items[i], strlen(names.items[i]));
    result = collect_entry(at, names.items[i], path, table);
    path->length = mark;
    path->data[mark] = '\0';
  }
  names_free(&names);
  return result;
}

int links_collect(int directory, int upper, bool untouched, struct link_table* table) {
  struct position root = {.directory = directory, .upper = upper, .untouched = untouched};
  struct bytes path = {0};
  bytes_add(&path, "", 0);
  int result = collect(&root, &path, table);
  bytes_free(&path);
  return result;
}

void links_free(struct link_table* table) {
  for (size_t i = 0; i < table->count; i++) free(table->items[i].path);
  free(table->items);
  *table = (struct link_table){0};
}

// The members of the inode's group, one after the other; NULL at the end.
static const char* next_member(const struct link_table* table, const struct stat* st,
                               const char* path, size_t* position) {
  // A link count of one is a group of its own that the table does not hold.
  if (st->st_nlink < 2) return (*position)++ == 0 ? path : NULL;
  while (*position < table->count) {
    const struct link_name* item = &table->items[(*position)++];
    if (item->device == st->st_dev && item->inode == st->st_ino) return item->path;
  }
  return NULL;
}

bool links_differ(const char* path, const struct link_table* before, const struct stat* before_stat,
                  const struct link_table* after, const struct stat* after_stat,
                  bool loses_outside) {
  size_t before_at = 0;
  size_t after_at = 0;
  size_t count = 0;
  for (;;) {
    const char* left = next_member(before, before_stat, path, &before_at);
    const char* right = next_member(after, after_stat, path, &after_at);
    if (left == NULL && right == NULL) break;
    if (left == NULL || right == NULL || strcmp(left, right) != 0) return true;
    count++;
  }
  // Names outside the tree, which the view after does not count reliably.
  return loses_outside && before_stat->st_nlink > count;
}
