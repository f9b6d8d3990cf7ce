// The extended attributes of one entry on both sides.
#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

// Each item is name, NUL, value.
struct set {
  struct bytes* items;
  size_t count;
};

static void set_free(struct set* set) {
  for (size_t i = 0; i < set->count; i++) bytes_free(&set->items[i]);
  free(set->items);
}

static int order(const void* left, const void* right) {
  // Names are unique within a file, so the values after them never decide.
  return strcmp(((const struct bytes*)left)->data, ((const struct bytes*)right)->data);
}

static bool starts(const char* text, const char* prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

// What the entry's overlay would call the attribute; false if it would not show it.
static bool visible_name(const char* name, const struct xattr_view* view, struct bytes* out) {
  // XFS lists its own storage of an ACL beside the ACL.
  if (strcmp(name, "trusted.SGI_ACL_FILE") == 0 || strcmp(name, "trusted.SGI_ACL_DEFAULT") == 0) {
    return false;
  }
  if (view->verbatim || !starts(name, view->own)) {
    bytes_add_string(out, name);
    return true;
  }
  const char* rest = name + strlen(view->own);
  if (!starts(rest, "overlay.")) return false;
  // An attribute that an inner overlay stored through an outer one: one level of escaping less.
  bytes_add(out, view->own, strlen(view->own));
  bytes_add_string(out, rest + strlen("overlay."));
  return true;
}

static int read_set(int directory, const struct xattr_view* view, const char* name,
                    const char* label, struct set* set) {
  char path[PROC_PATH_SIZE];
  proc_path(path, directory, name);
  struct bytes list = {0};
  struct bytes value = {0};
  int result = read_xattr_names(path, &list);
  if (result < 0) fail(errno, "listxattr %s", label);
  for (size_t at = 0; at < list.length && result == 0; at += strlen(list.data + at) + 1) {
    struct bytes item = {0};
    if (!visible_name(list.data + at, view, &item)) continue;
    result = read_xattr(path, list.data + at, &value);
    if (result < 0) {
      fail(errno, "getxattr %s of %s", list.data + at, label);
      bytes_free(&item);
      break;
    }
    bytes_add(&item, value.data, value.length);
    set->items = lab_realloc(set->items, (set->count + 1) * sizeof *set->items);
    set->items[set->count++] = item;
  }
  bytes_free(&list);
  bytes_free(&value);
  if (set->count > 1) qsort(set->items, set->count, sizeof *set->items, order);
  return result;
}

int xattrs_compare(int before, const struct xattr_view* before_view, int after,
                   const struct xattr_view* after_view, const char* name, const char* label,
                   bool* same) {
  struct set left = {0};
  struct set right = {0};
  int result = read_set(before, before_view, name, label, &left);
  if (result == 0) result = read_set(after, after_view, name, label, &right);
  *same = left.count == right.count;
  for (size_t i = 0; i < left.count && *same; i++) {
    *same = left.items[i].length == right.items[i].length &&
            memcmp(left.items[i].data, right.items[i].data, left.items[i].length) == 0;
  }
  set_free(&left);
  set_free(&right);
  return result;
}
