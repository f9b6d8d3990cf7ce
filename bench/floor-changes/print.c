// The answer: `A path`, NUL-ended, in any order; verbose with aspects and the former path.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "floor.h"

static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

void fail(const char* call, const char* path) {
  fprintf(stderr, "floor-changes: %s %s: ", call, path);
  perror("");
  exit(1);
}

void* allocate(size_t size) {
  void* out = malloc(size);
  if (out == NULL) fail("malloc", "");
  return out;
}

void append(char* path, size_t length, const char* name) {
  const size_t size = strlen(name) + 1;
  if (length + size > PATHS) {
    errno = ENAMETOOLONG;
    fail("path", name);
  }
  memcpy(path + length, name, size);
}

void* grow(struct list* list, size_t size) {
  if (list->size + size > list->room) {
    list->room = list->room < 4096 ? 8192 : 2 * list->room;
    if (list->room < list->size + size) list->room = list->size + size;
    list->items = realloc(list->items, list->room);
    if (list->items == NULL) fail("realloc", "");
  }
  char* const out = list->items + list->size;
  list->size += size;
  return out;
}

void flush_output(struct worker* w) {
  pthread_mutex_lock(&printing);
  for (size_t done = 0; done < w->output;) {
    const ssize_t n = write(STDOUT_FILENO, w->out + done, w->output - done);
    if (n < 0) fail("write", "");
    done += (size_t)n;
  }
  pthread_mutex_unlock(&printing);
  w->output = 0;
}

static void add(struct worker* w, const char* text, size_t size) {
  memcpy(w->out + w->output, text, size);
  w->output += size;
}

void print_change(struct worker* w, char kind, unsigned aspects, const char* path,
                  const char* from) {
  const char head[2] = {kind, ' '};
  w->counts[kind == 'A' ? 0 : kind == 'M' ? 1 : 2]++;
  if (w->output > OUTPUT) flush_output(w);
  add(w, head, sizeof head);
  if (options.verbose) {
    char text[16];
    add(w, text, (size_t)snprintf(text, sizeof text, "%u ", aspects));
  }
  add(w, path, strlen(path) + 1);
  if (options.verbose) add(w, from, strlen(from) + 1);
}
