// Makes what was planned.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store.h"

void die(const char* what) {
  perror(what);
  exit(1);
}

int open_directory(int at, const char* path) {
  const int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) die(path);
  return fd;
}

int make_directory(int at, const char* path) {
  if (mkdirat(at, path, 0755) != 0 && errno != EEXIST) die(path);
  return open_directory(at, path);
}

void set_time(int at, const char* path, long seconds) {
  const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
  if (utimensat(at, path, times, AT_SYMLINK_NOFOLLOW) != 0) die(path);
}

void write_file(int at, const char* path, size_t size, mode_t mode, unsigned fill, long seconds) {
  enum { BLOCK = 4096 };
  char text[BLOCK];
  const size_t real = size < BLOCK ? size : BLOCK;
  memset(text, 'a' + (int)(fill % 26), real);
  const int fd = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0 || write(fd, text, real) != (ssize_t)real) die(path);
  if (size > real && ftruncate(fd, (off_t)size) != 0) die(path);
  const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
  if (futimens(fd, times) != 0 || close(fd) != 0) die(path);
}

void write_hole(int at, const char* path, size_t size, long seconds) {
  const int fd = openat(at, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || futimens(fd, times) != 0 || close(fd) != 0) {
    die(path);
  }
}

static void make_item(int at, const struct package* package, const struct item* item) {
  const struct item* target = &package->items[item->target];
  const char* slash = strrchr(target->path, '/');
  switch (item->kind) {
    case DIRECTORY:
      if (mkdirat(at, item->path, item->mode) != 0) die(item->path);
      break;
    case REGULAR:
      write_file(at, item->path, item->size, item->mode, (unsigned)item->size, 1);
      break;
    case SYMLINK:
      if (symlinkat(slash == NULL ? target->path : slash + 1, at, item->path) != 0) {
        die(item->path);
      }
      set_time(at, item->path, 1);
      break;
    case HARD_LINK:
      if (linkat(at, target->path, at, item->path, 0) != 0) die(item->path);
      break;
  }
}

void make_package(int root, const struct package* package) {
  const int at = make_directory(root, package->name);
  for (size_t i = 0; i < package->count; i++) make_item(at, package, &package->items[i]);
  if (close(at) != 0) die("close");
}

// A second process makes every other package: most of the time is the kernel's.
void make_lower(const char* directory, size_t entries) {
  umask(0);
  const int root = make_directory(AT_FDCWD, directory);
  size_t last;
  const size_t packages = packages_in(entries, &last);
  fflush(NULL);
  const pid_t child = fork();
  if (child < 0) die("fork");
  for (size_t number = child == 0; number < packages; number += 2) {
    struct package package;
    package_plan(&package, number);
    if (number + 1 == packages) package.count = last - 1;
    make_package(root, &package);
    package_free(&package);
  }
  if (child == 0) _exit(0);
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) die("the second process");
  if (close(root) != 0) die("close");
}

// 24 bytes on average.
static void name_of_many(char* name, size_t number) {
  struct random r = {number};
  const uint64_t hash = random_next(&r);
  snprintf(name, NAME_SIZE, "%016llx-%.*s", (unsigned long long)hash, 3 + (int)(hash % 9),
           "documentation");
}

// Sizes are another time's too, and never 0: an empty file would have to be asked whether it is a
// whiteout.
static void write_one_of_many(int at, size_t number, long seconds) {
  char name[NAME_SIZE];
  name_of_many(name, number);
  write_hole(at, name, 1 + (number + (size_t)seconds) % 1000, seconds);
}

void make_many(const char* directory, size_t first, size_t count, long seconds) {
  umask(0);
  const int at = make_directory(AT_FDCWD, directory);
  for (size_t i = first; i < first + count; i++) write_one_of_many(at, i, seconds);
  if (close(at) != 0) die("close");
}

// Of a directory made by make_many, through an overlay: of ten files three become others, three go,
// and four new ones come.
void change_many(const char* directory, size_t count) {
  umask(0);
  const int at = open_directory(AT_FDCWD, directory);
  for (size_t i = 0; i < count; i++) {
    char name[NAME_SIZE];
    name_of_many(name, i);
    if (i % 10 < 3) {
      write_one_of_many(at, i, 2);
    } else if (i % 10 < 6) {
      if (unlinkat(at, name, 0) != 0) die(name);
    } else {
      write_one_of_many(at, i + FIRST_NEW, 2);
    }
  }
  if (close(at) != 0) die("close");
}
