// A tree like a package store, and changes to it: the same for the same numbers, everywhere.
#ifndef BENCH_STORE_TREE_STORE_H_
#define BENCH_STORE_TREE_STORE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { NAME_SIZE = 96, PATH_SIZE = 160 };

enum item_kind { DIRECTORY, REGULAR, SYMLINK, HARD_LINK };

struct item {
  enum item_kind kind;
  char path[PATH_SIZE];  // within the package
  size_t size;           // of a file
  mode_t mode;
  size_t target;   // of a link: the item it leads to
  size_t parent;   // index of the directory that it is in; itself at the top of the package
  bool whole;      // a directory that is changed as a whole, or an entry of one
  bool has_links;  // a file with other names in the package
};

struct package {
  char name[NAME_SIZE];
  struct item* items;  // directories before what they hold
  size_t count;
};

struct random {
  uint64_t state;
};

uint64_t random_next(struct random* r);
// 0 to below - 1.
size_t random_below(struct random* r, size_t below);

// The package of that number; one in a thousand has a directory of more than 10,000 files. Those
// from FIRST_NEW on are not in any lower.
enum { FIRST_NEW = 1 << 24 };
void package_plan(struct package* package, size_t number);
void package_free(struct package* package);
// How many there are in a lower of so many entries, and of how many entries the last one is.
size_t packages_in(size_t entries, size_t* last);

void die(const char* what) __attribute__((noreturn));
int open_directory(int at, const char* path);
int make_directory(int at, const char* path);
// At most one block of real bytes, then a hole.
void write_file(int at, const char* path, size_t size, mode_t mode, unsigned fill, long seconds);
// Takes no room on disk; for files whose bytes nobody compares with other ones.
void write_hole(int at, const char* path, size_t size, long seconds);
void set_time(int at, const char* path, long seconds);
// Everything of a package below a directory of its own.
void make_package(int root, const struct package* package);

// `store-tree` commands.
void make_lower(const char* directory, size_t entries);
void make_many(const char* directory, size_t first, size_t count, long seconds);
void change_store(const char* directory, size_t entries, size_t changes, bool links);
void change_many(const char* directory, size_t count);
void change_one(const char* directory);

#endif  // BENCH_STORE_TREE_STORE_H_
