// store-tree lower DIR ENTRIES             a store of so many entries
// store-tree change DIR ENTRIES CHANGES    what a job does to it, in a mounted overlay
// store-tree change-linked DIR ENTRIES CHANGES    the same, with new hard links of old files
// store-tree change-one DIR                one changed file
// store-tree many DIR FIRST COUNT SECONDS  files in one directory, of 24 bytes of name on average
// store-tree change-many DIR COUNT         changes to as many of them, in a mounted overlay
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

static size_t number(const char* text) {
  char* end;
  const unsigned long long value = strtoull(text, &end, 10);
  if (*end != '\0' || end == text) {
    fprintf(stderr, "store-tree: '%s' is no number\n", text);
    exit(2);
  }
  return (size_t)value;
}

int main(int argc, char** argv) {
  const char* what = argc > 2 ? argv[1] : "";
  if (argc == 4 && strcmp(what, "lower") == 0) {
    make_lower(argv[2], number(argv[3]));
  } else if (argc == 5 && strncmp(what, "change", 6) == 0) {
    change_store(argv[2], number(argv[3]), number(argv[4]), strcmp(what, "change-linked") == 0);
  } else if (argc == 3 && strcmp(what, "change-one") == 0) {
    change_one(argv[2]);
  } else if (argc == 6 && strcmp(what, "many") == 0) {
    make_many(argv[2], number(argv[3]), number(argv[4]), (long)number(argv[5]));
  } else if (argc == 4 && strcmp(what, "change-many") == 0) {
    change_many(argv[2], number(argv[3]));
  } else {
    fputs("usage: store-tree lower|change|change-one|many|change-many DIR [NUMBER ...]\n", stderr);
    return 2;
  }
  return 0;
}
