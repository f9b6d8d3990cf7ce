// floor-changes UPPER LOWER [--threads N] [--kinds] [--verbose] [--userxattr] [--report]
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

struct options options = {.threads = 1};

static int open_root(const char* path) {
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  return fd;
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void report(double started) {
  size_t counts[3] = {0};
  for (unsigned i = 0; i < options.threads; i++) {
    for (size_t kind = 0; kind < 3; kind++) counts[kind] += workers[i].counts[kind];
  }
  fprintf(stderr, "{\"ms\":%.3f,\"added\":%zu,\"modified\":%zu,\"deleted\":%zu}\n",
          now_ms() - started, counts[0], counts[1], counts[2]);
}

int main(int argc, char** argv) {
  for (int i = 3; i < argc; i++) {
    if (strcmp(argv[i], "--kinds") == 0) {
      options.kinds_only = true;
    } else if (strcmp(argv[i], "--verbose") == 0) {
      options.verbose = true;
    } else if (strcmp(argv[i], "--userxattr") == 0) {
      options.user_marks = true;
    } else if (strcmp(argv[i], "--report") == 0) {
      options.report = true;
    } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
      options.threads = (unsigned)atoi(argv[++i]);
    } else {
      argc = 0;
    }
  }
  if (argc < 3 || options.threads < 1) {
    fputs(
        "usage: floor-changes UPPER LOWER [--threads N] [--kinds] [--verbose] [--userxattr] "
        "[--report]\n",
        stderr);
    return 2;
  }
  const double started = now_ms();
  options.xattrat = find_xattrat();
  options.upper = open_root(argv[1]);
  options.lower = open_root(argv[2]);
  run_all(root_directory());
  print_late();
  if (options.report) report(started);
  return 0;
}
