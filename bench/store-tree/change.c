// What a job does to a store: changes through a mounted overlay.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "store.h"

enum operation {
  ADD,
  REWRITE,
  PATCH,
  REMOVE,
  REMOVE_TREE,
  CHMOD,
  TOUCH,
  SET_XATTR,
  CHOWN,
  OPEN_ONLY,
  TO_DIRECTORY,
  TO_LINK,
  MAKE_OPAQUE,
  LINK,
  RENAME,
  RENAME_TREE,
};

// Of 200 changes that are listed 80 are additions (36 of them in new packages), 60 modifications,
// 40 deletions and 20 the rest. What `OPEN_ONLY` copies up is no change; where no links are to be
// made an addition takes the place of `LINK`.
static const struct {
  enum operation what;
  size_t often;
  size_t listed;
} mix[] = {
    {ADD, 44, 1},        {REWRITE, 40, 1},    {PATCH, 20, 1},    {REMOVE, 34, 1},
    {REMOVE_TREE, 6, 1}, {CHMOD, 2, 1},       {TOUCH, 1, 1},     {SET_XATTR, 1, 1},
    {CHOWN, 1, 1},       {LINK, 1, 2},        {OPEN_ONLY, 1, 0}, {TO_DIRECTORY, 1, 2},
    {TO_LINK, 1, 1},     {MAKE_OPAQUE, 1, 4}, {RENAME, 1, 2},    {RENAME_TREE, 1, 6},
};
enum { MIX = sizeof mix / sizeof mix[0], OPERATIONS = 156 };

// The entries of one package in the order in which they are used up.
struct work {
  int at;
  const struct package* package;
  size_t* files;
  size_t file_count;
  size_t* trees;
  size_t tree_count;
  size_t serial;
  bool links;
  struct random random;
};

static void shuffle(size_t* items, size_t count, struct random* r) {
  for (size_t i = count; i > 1; i--) {
    const size_t j = random_below(r, i);
    const size_t kept = items[i - 1];
    items[i - 1] = items[j];
    items[j] = kept;
  }
}

static const struct item* take(const struct work* w, const size_t* items, size_t* count) {
  return *count == 0 ? NULL : &w->package->items[items[--*count]];
}

static void patch(int at, const struct item* file) {
  const int fd = openat(at, file->path, O_WRONLY | O_CLOEXEC);
  const struct timespec times[2] = {{2, 0}, {2, 0}};
  if (fd < 0 || pwrite(fd, "!", file->size > 0, (off_t)(file->size / 2)) < 0 ||
      futimens(fd, times) != 0 || close(fd) != 0) {
    die(file->path);
  }
}

static void open_only(int at, const char* path) {
  const int fd = openat(at, path, O_RDWR | O_CLOEXEC);
  if (fd < 0 || close(fd) != 0) die(path);
}

static void set_xattr(int at, const char* path) {
  const int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsetxattr(fd, "user.bench", "changed", 7, 0) != 0 || close(fd) != 0) die(path);
}

// In a user namespace that knows one user only, the mode instead.
static void change_owner(int at, const char* path) {
  if (fchownat(at, path, 1, 1, 0) == 0) return;
  if (errno != EINVAL || fchmodat(at, path, 0711, 0) != 0) die(path);
}

static void replace(int at, const struct item* file, bool by_link) {
  char inner[PATH_SIZE + 8];
  if (unlinkat(at, file->path, 0) != 0) die(file->path);
  if (by_link) {
    if (symlinkat("elsewhere", at, file->path) != 0) die(file->path);
    set_time(at, file->path, 2);
    return;
  }
  if (mkdirat(at, file->path, 0755) != 0) die(file->path);
  snprintf(inner, sizeof inner, "%s/inner", file->path);
  write_file(at, inner, 100, 0644, 1, 2);
}

static bool within(const struct item* item, const struct item* tree) {
  const size_t length = strlen(tree->path);
  return strncmp(item->path, tree->path, length) == 0 && item->path[length] == '/';
}

static void remove_tree(const struct work* w, const struct item* tree) {
  for (size_t i = 0; i < w->package->count; i++) {
    const struct item* item = &w->package->items[i];
    if (within(item, tree) && unlinkat(w->at, item->path, 0) != 0) die(item->path);
  }
  if (unlinkat(w->at, tree->path, AT_REMOVEDIR) != 0) die(tree->path);
}

// The half of what was in it comes again, with other bytes.
static void make_opaque(const struct work* w, const struct item* tree) {
  remove_tree(w, tree);
  if (mkdirat(w->at, tree->path, 0755) != 0) die(tree->path);
  for (size_t i = 0; i < w->package->count; i++) {
    const struct item* item = &w->package->items[i];
    if (within(item, tree) && i % 2 == 0) {
      write_file(w->at, item->path, item->size + 1, 0644, 2, 2);
    }
  }
}

// Without redirect_dir a directory of a lower cannot be renamed; then it is moved as mv(1) does.
static void rename_tree(const struct work* w, const struct item* tree) {
  char to[PATH_SIZE + 8];
  snprintf(to, sizeof to, "%s-moved", tree->path);
  if (renameat(w->at, tree->path, w->at, to) == 0) return;
  if (errno != EXDEV || mkdirat(w->at, to, 0755) != 0) die(to);
  for (size_t i = 0; i < w->package->count; i++) {
    const struct item* item = &w->package->items[i];
    char inner[2 * PATH_SIZE];
    if (!within(item, tree)) continue;
    snprintf(inner, sizeof inner, "%s%s", to, item->path + strlen(tree->path));
    write_file(w->at, inner, item->size, 0644, (unsigned)item->size, 1);
  }
  remove_tree(w, tree);
}

static void add_file(struct work* w) {
  char path[2 * PATH_SIZE];
  const struct item* beside = &w->package->items[random_below(&w->random, w->package->count)];
  const struct item* folder =
      beside->kind == DIRECTORY ? beside : &w->package->items[beside->parent];
  if (folder->kind != DIRECTORY || folder->whole) folder = &w->package->items[0];
  snprintf(path, sizeof path, "%s/added-file-%zu.so", folder->path, w->serial++);
  write_hole(w->at, path, 1 + random_below(&w->random, 20000), 2);
}

static void link_file(int at, const struct item* file) {
  char to[PATH_SIZE + 8];
  snprintf(to, sizeof to, "%s-linked", file->path);
  if (linkat(at, file->path, at, to, 0) != 0) die(to);
}

static void rename_file(int at, const struct item* file) {
  char to[PATH_SIZE + 8];
  snprintf(to, sizeof to, "%s-moved", file->path);
  if (renameat(at, file->path, at, to) != 0) die(to);
}

static void on_file(int at, enum operation what, const struct item* file) {
  switch (what) {
    case REWRITE:
      write_file(at, file->path, file->size + 1, file->mode, 3, 2);
      break;
    case PATCH:
      patch(at, file);
      break;
    case REMOVE:
      if (unlinkat(at, file->path, 0) != 0) die(file->path);
      break;
    case CHMOD:
      if (fchmodat(at, file->path, 0700, 0) != 0) die(file->path);
      break;
    case TOUCH:
      set_time(at, file->path, 2);
      break;
    case SET_XATTR:
      set_xattr(at, file->path);
      break;
    case CHOWN:
      change_owner(at, file->path);
      break;
    case LINK:
      link_file(at, file);
      break;
    case RENAME:
      rename_file(at, file);
      break;
    case OPEN_ONLY:
      open_only(at, file->path);
      break;
    default:
      replace(at, file, what == TO_LINK);
  }
}

// How many changes will be listed.
static size_t apply(struct work* w, size_t kind) {
  enum operation what = mix[kind].what;
  if (what == LINK && !w->links) what = ADD;
  if (what == ADD) {
    add_file(w);
  } else if (what == REMOVE_TREE || what == MAKE_OPAQUE || what == RENAME_TREE) {
    const struct item* tree = take(w, w->trees, &w->tree_count);
    if (tree == NULL) return 0;
    if (what == REMOVE_TREE) remove_tree(w, tree);
    if (what == MAKE_OPAQUE) make_opaque(w, tree);
    if (what == RENAME_TREE) rename_tree(w, tree);
  } else {
    const struct item* file = take(w, w->files, &w->file_count);
    if (file == NULL) return 0;
    on_file(w->at, what, file);
  }
  return mix[kind].listed;
}

static void plan_operations(size_t* operations, struct random* r) {
  size_t count = 0;
  for (size_t i = 0; i < MIX; i++) {
    for (size_t j = 0; j < mix[i].often; j++) operations[count++] = i;
  }
  if (count != OPERATIONS) die("the mix");
  shuffle(operations, count, r);
}

static void change_package(int root, const struct package* package, size_t number, size_t changes,
                           bool links) {
  size_t operations[OPERATIONS];
  struct work w = {.at = open_directory(root, package->name),
                   .package = package,
                   .files = malloc(package->count * sizeof *w.files),
                   .trees = malloc(package->count * sizeof *w.trees),
                   .links = links,
                   .random = {number}};
  if (w.files == NULL || w.trees == NULL) die("malloc");
  for (size_t i = 0; i < package->count; i++) {
    const struct item* item = &package->items[i];
    if (item->kind == DIRECTORY && item->whole) w.trees[w.tree_count++] = i;
    if ((item->kind == REGULAR || item->kind == HARD_LINK) && !item->whole) {
      w.files[w.file_count++] = i;
    }
  }
  shuffle(w.files, w.file_count, &w.random);
  shuffle(w.trees, w.tree_count, &w.random);
  plan_operations(operations, &w.random);
  size_t listed = 0;
  for (size_t i = 0; listed < changes && i < 2 * changes + OPERATIONS; i++) {
    listed += apply(&w, operations[i % OPERATIONS]);
  }
  free(w.files);
  free(w.trees);
  if (close(w.at) != 0) die("close");
}

// New packages are 18 of 100 changes; the others go to a part of the packages, at most four of ten
// of their entries where they can.
static void change_some(int root, size_t entries, size_t changes, bool links, size_t turn) {
  size_t last;
  const size_t packages = packages_in(entries, &last);
  const double dense = 2.5 * (double)changes < (double)entries ? 0.4 : 1;
  const double part = (double)changes / ((double)entries * dense);
  double due = 0.5;
  for (size_t number = 0; number < packages; number++) {
    due += part;
    if (due < 1) continue;
    due -= 1;
    if (number % 2 != turn) continue;
    struct package package;
    package_plan(&package, number);
    if (number + 1 == packages) package.count = last - 1;
    if (package.count > 20) {
      change_package(root, &package, number, (size_t)(0.82 * dense * (double)package.count), links);
    }
    package_free(&package);
  }
  size_t left = changes * 18 / 100;
  for (size_t i = 0; left > 0; i++) {
    struct package package;
    package_plan(&package, FIRST_NEW + i);
    if (package.count > left - 1) package.count = left - 1;
    if (i % 2 == turn) make_package(root, &package);
    left -= 1 + package.count;
    package_free(&package);
  }
}

// By two processes, each with packages of its own.
void change_store(const char* directory, size_t entries, size_t changes, bool links) {
  umask(0);
  const int root = open_directory(AT_FDCWD, directory);
  fflush(NULL);
  const pid_t child = fork();
  if (child < 0) die("fork");
  change_some(root, entries, changes, links, child == 0);
  if (child == 0) _exit(0);
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) die("the second process");
  if (close(root) != 0) die("close");
}

// One file with other bytes.
void change_one(const char* directory) {
  struct package package;
  const int root = open_directory(AT_FDCWD, directory);
  package_plan(&package, 0);
  for (size_t i = 0; i < package.count; i++) {
    const struct item* item = &package.items[i];
    if (item->kind != REGULAR || item->size == 0 || item->has_links) continue;
    const int at = open_directory(root, package.name);
    patch(at, item);
    if (close(at) != 0) die("close");
    break;
  }
  package_free(&package);
  if (close(root) != 0) die("close");
}
