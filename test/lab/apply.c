// Carries out a list of changes on a copy of the view before. What an entry holds is taken from the
// view after, but of a modification nothing except the aspects that the list names: one that it
// lacks shows when the copy is compared.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lab.h"

static const char kTemporary[] = ".lab-replacement";

struct applying {
  const char* after;
  const char* result;
  const char* upper;  // NULL: the mount keeps hard links together, and identifies names itself
  struct link_table links;  // of the view after
  struct link_table placed;
  // The list itself, as records of kind, aspects and path.
  const char* list;
  const char* end;
};

// One changed entry, on both sides.
struct entry {
  const char* path;
  struct place from;
  struct place to;
  struct stat after;
  struct stat identity;  // tells the link group
};

static void join(struct bytes* out, const char* directory, const char* path) {
  bytes_add(out, directory, strlen(directory));
  bytes_add(out, "/", 1);
  bytes_add(out, path, strlen(path));
}

static int open_below(const char* directory, const char* path, struct place* place) {
  struct bytes joined = {0};
  join(&joined, directory, path);
  int result = place_open(joined.data, place);
  bytes_free(&joined);
  return result;
}

static bool has(const char* aspects, const char* word) {
  size_t length = strlen(word);
  for (const char* at = aspects; (at = strstr(at, word)) != NULL; at += length) {
    if ((at == aspects || at[-1] == ',') && (at[length] == '\0' || at[length] == ',')) return true;
  }
  return false;
}

// What writing and changing the owner take away.
struct kept {
  struct stat st;
  struct bytes capability;
  bool has_capability;
};

static const char kCapability[] = "security.capability";

static int keep(const struct place* at, struct kept* kept) {
  char path[PROC_PATH_SIZE];
  proc_path(path, at->parent, at->name);
  *kept = (struct kept){0};
  if (fstatat(at->parent, at->name, &kept->st, AT_SYMLINK_NOFOLLOW) < 0) {
    return fail(errno, "stat %s", at->name);
  }
  kept->has_capability =
      S_ISREG(kept->st.st_mode) && read_xattr(path, kCapability, &kept->capability) == 0;
  return 0;
}

static int give_back(const struct place* at, struct kept* kept) {
  char path[PROC_PATH_SIZE];
  proc_path(path, at->parent, at->name);
  int result = copy_mode(&kept->st, at->parent, at->name);
  if (result == 0 && kept->has_capability &&
      lsetxattr(path, kCapability, kept->capability.data, kept->capability.length, 0) < 0) {
    result = fail(errno, "setxattr %s", at->name);
  }
  if (result == 0) result = copy_times(&kept->st, at->parent, at->name);
  bytes_free(&kept->capability);
  return result;
}

static int change_content(const struct entry* entry) {
  struct kept kept;
  if (keep(&entry->to, &kept) < 0) return -1;
  int result = copy_content(entry->from.parent, entry->from.name, entry->to.parent, entry->to.name);
  return give_back(&entry->to, &kept) < 0 ? -1 : result;
}

static int change_owner(const struct entry* entry) {
  struct kept kept;
  if (keep(&entry->to, &kept) < 0) return -1;
  int result = copy_owner(&entry->after, entry->to.parent, entry->to.name);
  return give_back(&entry->to, &kept) < 0 ? -1 : result;
}

// Puts another inode at the name, by default with what the present one holds.
static int replace(const struct entry* entry, const char* aspects) {
  const struct place* to = &entry->to;
  struct stat st;
  if (fstatat(to->parent, to->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
    return fail(errno, "stat %s", entry->path);
  }
  const struct place* data = has(aspects, "target") ? &entry->from : to;
  struct stat made = st;
  if (has(aspects, "device")) made.st_rdev = entry->after.st_rdev;
  if (copy_data(&made, data->parent, data->name, to->parent, kTemporary) < 0 ||
      copy_attributes(&st, to->parent, to->name, to->parent, kTemporary) < 0) {
    return -1;
  }
  // rename(2) leaves two names of one file alone: these are of different files.
  if (renameat(to->parent, kTemporary, to->parent, to->name) < 0) {
    return fail(errno, "rename %s", entry->path);
  }
  return 0;
}

static int remove_name(const struct applying* a, const char* path) {
  struct bytes joined = {0};
  join(&joined, a->result, path);
  char* arguments[] = {"rmtree", joined.data};
  int result = op_rmtree(2, arguments, NULL);
  bytes_free(&joined);
  return result;
}

// Neither can be changed in the inode that is there.
static bool needs_inode(const char* aspects) {
  return has(aspects, "links") || has(aspects, "target") || has(aspects, "device");
}

// Whether the list gives the name an inode.
static bool gets_inode(const struct applying* a, const char* wanted) {
  for (const char* at = a->list; at < a->end;) {
    const char* kind = at;
    const char* aspects = kind + strlen(kind) + 1;
    const char* path = aspects + strlen(aspects) + 1;
    at = path + strlen(path) + 1;
    if (strcmp(path, wanted) == 0) {
      return strcmp(kind, "modified") != 0 || needs_inode(aspects) || has(aspects, "type");
    }
  }
  return false;
}

// The name of the group that has its inode already: one that the list has placed, or does not
// touch.
static const char* find_in_group(const struct applying* a, const struct stat* identity) {
  const char* placed = links_find(&a->placed, identity);
  for (size_t i = 0; i < a->links.count && placed == NULL; i++) {
    const struct link_name* item = &a->links.items[i];
    if (item->device == identity->st_dev && item->inode == identity->st_ino &&
        !gets_inode(a, item->path)) {
      placed = item->path;
    }
  }
  return placed;
}

// 1 when the name was made a link of one that is there, 0 when it is the first.
static int join_group(struct applying* a, const struct entry* entry) {
  if (S_ISDIR(entry->after.st_mode) || entry->identity.st_nlink < 2) return 0;
  const char* first = find_in_group(a, &entry->identity);
  if (first == NULL) {
    links_add(&a->placed, &entry->identity, entry->path);
    return 0;
  }
  struct place other;
  if (open_below(a->result, first, &other) < 0) return -1;
  int result = 1;
  // It may exist: a modified name that changes its group.
  (void)unlinkat(entry->to.parent, entry->to.name, 0);
  if (linkat(other.parent, other.name, entry->to.parent, entry->to.name, 0) < 0) {
    result = fail(errno, "link %s to %s", entry->path, first);
  }
  place_close(&other);
  return result;
}

static int add(struct applying* a, const struct entry* entry) {
  int linked = join_group(a, entry);
  if (linked != 0) return linked < 0 ? -1 : 0;
  const struct place* from = &entry->from;
  const struct place* to = &entry->to;
  if (faccessat(to->parent, to->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    return fail(EEXIST, "%s was there before", entry->path);
  }
  if (copy_data(&entry->after, from->parent, from->name, to->parent, to->name) < 0) return -1;
  return copy_attributes(&entry->after, from->parent, from->name, to->parent, to->name);
}

static int modify(struct applying* a, const struct entry* entry, const char* aspects) {
  const struct place* from = &entry->from;
  const struct place* to = &entry->to;
  bool another = needs_inode(aspects);
  int linked = another ? join_group(a, entry) : 0;
  if (linked < 0) return -1;
  if (another && linked == 0 && replace(entry, aspects) < 0) return -1;
  if (has(aspects, "content") && change_content(entry) < 0) return -1;
  if (has(aspects, "owner") && change_owner(entry) < 0) return -1;
  if (has(aspects, "mode") && copy_mode(&entry->after, to->parent, to->name) < 0) return -1;
  if (has(aspects, "xattrs") && copy_xattrs(from->parent, from->name, to->parent, to->name) < 0) {
    return -1;
  }
  if (has(aspects, "times")) return copy_times(&entry->after, to->parent, to->name);
  return 0;
}

// Who the name is: its inode in the upper if it is there, as the mount is no witness without an
// index (see links_collect).
static int identify(const struct applying* a, struct entry* entry) {
  entry->identity = entry->after;
  struct place in_upper;
  if (a->upper == NULL || open_below(a->upper, entry->path, &in_upper) < 0) return 0;
  struct stat st;
  if (look(in_upper.parent, in_upper.name, entry->path, &st) == 1) entry->identity = st;
  place_close(&in_upper);
  return 0;
}

static int apply_present(struct applying* a, const char* kind, const char* aspects,
                         const char* path) {
  struct entry entry = {.path = path};
  if (open_below(a->after, path, &entry.from) < 0) return -1;
  int result = open_below(a->result, path, &entry.to);
  if (result < 0) {
    place_close(&entry.from);
    return -1;
  }
  if (fstatat(entry.from.parent, entry.from.name, &entry.after, AT_SYMLINK_NOFOLLOW) < 0) {
    result = fail(errno, "stat %s", path);
  }
  if (result == 0) result = identify(a, &entry);
  if (result == 0 && strcmp(kind, "added") == 0) {
    result = add(a, &entry);
  } else if (result == 0 && has(aspects, "type")) {
    result = remove_name(a, path) < 0 ? -1 : add(a, &entry);
  } else if (result == 0) {
    result = modify(a, &entry, aspects);
  }
  place_close(&entry.to);
  place_close(&entry.from);
  return result;
}

static int collect_links(struct applying* a) {
  int after = path_open_directory(a->after);
  int upper = after < 0 || a->upper == NULL ? -1 : path_open_directory(a->upper);
  bool opened = after >= 0 && (a->upper == NULL || upper >= 0);
  int result = opened ? links_collect(after, upper, true, &a->links) : -1;
  if (after >= 0) close(after);
  if (upper >= 0) close(upper);
  return result;
}

int op_apply(int argc, char** argv, struct bytes* out) {
  (void)out;
  struct applying a = {.after = argv[2], .result = argv[3], .upper = argc > 4 ? argv[4] : NULL};
  size_t length;
  if (unescape(argv[1], &length) < 0) return -1;
  a.list = argv[1];
  a.end = argv[1] + length;
  int result = collect_links(&a);
  for (const char* at = a.list; at < a.end && result == 0;) {
    const char* kind = at;
    const char* aspects = kind + strlen(kind) + 1;
    const char* path = aspects + strlen(aspects) + 1;
    at = path + strlen(path) + 1;
    result = strcmp(kind, "deleted") == 0 ? remove_name(&a, path)
                                          : apply_present(&a, kind, aspects, path);
  }
  links_free(&a.links);
  links_free(&a.placed);
  return result;
}
