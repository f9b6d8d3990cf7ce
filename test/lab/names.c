// Directory listings.
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab.h"

int names_read(int directory, struct names* names) {
  // A descriptor of its own: closedir() closes the one it was given, and a shared one would share
  // the read position.
  int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  DIR* stream = fdopendir(fd);
  if (stream == NULL) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  size_t capacity = names->count;
  for (;;) {
    errno = 0;
    const struct dirent* entry = readdir(stream);
    if (entry == NULL) break;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (names->count == capacity) {
      capacity = capacity * 2 + 16;
      names->items = lab_realloc(names->items, capacity * sizeof *names->items);
    }
    size_t size = strlen(entry->d_name) + 1;
    names->items[names->count] = memcpy(lab_realloc(NULL, size), entry->d_name, size);
    names->count++;
  }
  int error = errno;
  closedir(stream);
  errno = error;
  return error == 0 ? 0 : -1;
}

static int order(const void* left, const void* right) {
  // strcmp() compares as unsigned bytes, the shorter name first.
  return strcmp(*(char* const*)left, *(char* const*)right);
}

void names_sort(struct names* names) {
  if (names->count == 0) return;
  qsort(names->items, names->count, sizeof *names->items, order);
  size_t kept = 1;
  for (size_t i = 1; i < names->count; i++) {
    if (strcmp(names->items[i], names->items[kept - 1]) == 0) {
      free(names->items[i]);
    } else {
      names->items[kept++] = names->items[i];
    }
  }
  names->count = kept;
}

void names_free(struct names* names) {
  for (size_t i = 0; i < names->count; i++) free(names->items[i]);
  free(names->items);
  *names = (struct names){0};
}
