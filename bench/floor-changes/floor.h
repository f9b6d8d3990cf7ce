// The floor: what finding the changes of an upper over one lower costs at least. Plain C with
// nothing but the system calls that the answer needs, by the rules of docs/classification.md, for
// what a mount without `index` and `metacopy` leaves behind. It shares nothing with native/.
#ifndef BENCH_FLOOR_CHANGES_FLOOR_H_
#define BENCH_FLOOR_CHANGES_FLOOR_H_

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { DENTS = 32 << 10, OUTPUT = 64 << 10, XATTRS = 64 << 10, CONTENT = 256 << 10, PATHS = 4096 };

enum aspect {
  TYPE = 1,
  BYTES = 2,
  MODE = 4,
  OWNER = 8,
  XATTR = 16,
  TIMES = 32,
  DEVICE = 64,
  TARGET = 128,
  LINKS = 256,
};

struct options {
  int upper;
  int lower;
  // Only letters and paths: nothing is asked that cannot make it another letter.
  bool kinds_only;
  bool user_marks;
  // Aspects and former paths are printed too.
  bool verbose;
  bool report;  // time and counts to standard error
  unsigned threads;
  bool xattrat;  // listxattrat(2) and getxattrat(2), Linux 6.13
};
extern struct options options;

struct dent {
  uint64_t ino;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[];
};

// All names that the upper has in a directory.
struct names {
  char* dents;
  size_t size;
  size_t next;  // of what was read, in bytes
  uint32_t* slots;
  size_t mask;
};

enum phase { UPPER, BEFORE, AFTER };

// A directory of the overlay: what the upper has of it, what the lower had there (before) and what
// of the lower shows through it (after). Descriptors are -1 where there is none.
struct directory {
  struct directory* parent;  // until it is opened
  struct directory* newer;   // in a queue
  struct directory* older;
  atomic_uint users;
  bool in_upper;
  bool in_before;  // it may be there
  bool opened;
  // Names come from the lower too: what was there is not what shows now.
  bool split;
  enum phase phase;
  struct names names;  // where it is split
  int upper_fd;
  int before_fd;
  int after_fd;
  // Of the lower, what shows; NULL where nothing does, and `path` itself where it is the same.
  char* after;
  size_t name;  // where it begins in the path
  size_t length;
  char path[];
};

struct queue {
  pthread_mutex_t lock;
  struct directory* newest;
  struct directory* oldest;
};

// Grows; of a thread.
struct list {
  char* items;
  size_t size;
  size_t room;
};

// What a thread has of its own.
struct worker {
  unsigned number;
  struct queue queue;
  // By which names are looked up in the directory at hand.
  int upper_fd;
  int before_fd;
  int after_fd;
  struct list late;
  struct list gone;
  struct list gone_paths;
  struct list linked;
  struct list added;
  size_t counts[3];  // added, modified, deleted
  size_t output;
  char path[PATHS];
  char out[OUTPUT + 3 * PATHS];
  _Alignas(8) char dents[DENTS];
  char lists[2][XATTRS];
  char values[2][XATTRS];
  char bytes[2][CONTENT];
};

// An object on one side, found by name in an open directory; the directory itself without a name.
struct side {
  int dir;
  const char* name;
  struct stat st;
  const char* list;  // of its attributes, where they were asked for
  size_t list_size;
};

struct marks {
  bool opaque, redirect, metacopy, whiteout, origin;
};

void fail(const char* call, const char* path) __attribute__((noreturn));
void* allocate(size_t size);
// To a path of PATHS bytes that is so long already; fails where it gets too long.
void append(char* path, size_t length, const char* name);

// pool.c
void push(struct worker* w, struct directory* d);
void run_all(struct directory* root);
extern struct worker* workers;

// walk.c
struct directory* root_directory(void);
void work_on(struct worker* w, struct directory* d);
void release(struct directory* d);

// open.c
struct directory* below(struct directory* d, const char* name, bool in_upper, bool before,
                        bool after);
void open_and_report(struct worker* w, struct directory* d);

// judge.c
// Both sides have it, with the same type; `in_upper`: after is in the upper and not in the lower.
void judge(struct worker* w, const struct directory* d, struct side* before, struct side* after,
           bool in_upper);
void judge_added(struct worker* w, const struct directory* d, struct side* after, uint64_t ino);
void judge_type(struct worker* w, const struct directory* d, struct side* before,
                struct side* after, bool in_upper);
void judge_deleted(struct worker* w, const struct side* before);
unsigned compare_directories(struct worker* w, struct side* before, struct side* after);

// read.c
bool find_xattrat(void);
// Of the lower. False where it has none, or a whiteout.
bool look(struct side* side, char* buffer);
void list_xattrs(struct side* side, char* buffer);
struct marks marks_of(const struct side* side);
// -1 without such a mark.
ssize_t get_mark(const struct side* side, const char* mark, char* to);
unsigned compare_stat(const struct stat* before, const struct stat* after);
bool same_xattrs(struct worker* w, const struct side* before, const struct side* after);
bool same_target(struct worker* w, const struct side* before, const struct side* after);
bool same_bytes(struct worker* w, const struct side* before, const struct side* after);

// late.c: what can be said only when everything has been seen.
struct late {
  char kind;
  unsigned aspects;
  bool ask_links;
  uint64_t after_ino;
  uint64_t before_ino;
  uint64_t before_links;
  char origin[128];  // a file handle with its type, where it may have come from elsewhere
  size_t origin_size;
  char* path;
  char* at_home;  // where it would be if it had come with its directory
};
void add_late(struct worker* w, const struct late* late);
void add_gone(struct worker* w, uint64_t ino, const char* path);
// One of several names of a file; `before_ino` 0 for a new one.
void add_linked(struct worker* w, uint64_t after_ino, uint64_t before_ino);
void add_added(struct worker* w, uint64_t ino);
// The handle, where the mark is one and not that of the lower file of the same name.
size_t foreign_origin(struct worker* w, const struct side* before, const struct side* after,
                      char* handle);
void print_late(void);

// print.c
void* grow(struct list* list, size_t size);
void print_change(struct worker* w, char kind, unsigned aspects, const char* path,
                  const char* from);
void flush_output(struct worker* w);

#endif  // BENCH_FLOOR_CHANGES_FLOOR_H_
