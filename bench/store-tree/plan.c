// What is in a package: names, types and sizes, from its number alone.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

// splitmix64: every number gives a stream of its own.
uint64_t random_next(struct random* r) {
  uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

size_t random_below(struct random* r, size_t below) { return (size_t)(random_next(r) % below); }

static const char* const words[] = {
    "aspell",   "bash",     "binutils", "cairo",   "coreutils", "curl",       "dbus",    "expat",
    "ffmpeg",   "freetype", "gcc",      "gettext", "glib",      "gnutls",     "gtk",     "harfbuzz",
    "icu4c",    "libffi",   "libpng",   "libxml2", "linux",     "llvm",       "mesa",    "ncurses",
    "nghttp2",  "nodejs",   "openssl",  "pango",   "pcre2",     "perl",       "pixman",  "python3",
    "readline", "ripgrep",  "ruby",     "sqlite",  "systemd",   "util-linux", "wayland", "zlib",
};
enum { WORDS = sizeof words / sizeof words[0] };

static const char* word(struct random* r) { return words[random_below(r, WORDS)]; }

// `<32 characters of a hash>-name-1.2.3`
static void name_package(struct package* package, struct random* r) {
  static const char digits[] = "0123456789abcdfghijklmnpqrsvwxyz";
  for (size_t i = 0; i < 32; i++) package->name[i] = digits[random_below(r, 32)];
  snprintf(package->name + 32, NAME_SIZE - 32, "-%s-%zu.%zu.%zu", word(r), random_below(r, 30),
           random_below(r, 20), random_below(r, 10));
}

// Of a hundred files 4 are empty, 52 have up to 4 KiB, 38 up to 32 KiB and 6 up to 128 KiB.
static size_t file_size(struct random* r) {
  const size_t of = random_below(r, 100);
  if (of < 4) return 0;
  if (of < 56) return 1 + random_below(r, 4 << 10);
  if (of < 94) return (4 << 10) + random_below(r, 28 << 10);
  return (32 << 10) + random_below(r, 96 << 10);
}

// No parent: at the top of the package.
static struct item* add(struct package* package, enum item_kind kind, size_t parent) {
  struct item* item = &package->items[package->count];
  *item = (struct item){.kind = kind, .parent = parent, .mode = kind == DIRECTORY ? 0755 : 0644};
  package->count++;
  return item;
}

static size_t add_directory(struct package* package, const char* in, size_t parent,
                            const char* name) {
  struct item* item = add(package, DIRECTORY, parent);
  snprintf(item->path, PATH_SIZE, "%s%s%s", in, *in == '\0' ? "" : "/", name);
  return package->count - 1;
}

// The tops of a package; files go to those that can hold some.
struct skeleton {
  size_t folders[8];
  size_t count;
  size_t share;
};

static void add_skeleton(struct package* package, struct skeleton* s, const char* name) {
  char in[PATH_SIZE];
  s->folders[s->count++] = add_directory(package, "", package->count, "bin");
  s->folders[s->count++] = add_directory(package, "", package->count, "lib");
  s->folders[s->count] = add_directory(package, "lib", s->folders[1], name);
  s->count++;
  const size_t share = add_directory(package, "", package->count, "share");
  const size_t doc = add_directory(package, "share", share, "doc");
  s->folders[s->count++] = add_directory(package, "share/doc", doc, name);
  const size_t man = add_directory(package, "share", share, "man");
  s->folders[s->count++] = add_directory(package, "share/man", man, "man1");
  snprintf(in, sizeof in, "%s-data", name);
  s->share = add_directory(package, "share", share, in);
}

static void name_file(struct item* item, const char* in, struct random* r, size_t serial) {
  static const char* const endings[] = {"", ".so", ".h", ".py", ".html", ".gz", ".json", ".mo"};
  snprintf(item->path, PATH_SIZE, "%s/%s-%s%zx%s", in, word(r), word(r), serial,
           endings[random_below(r, 8)]);
}

// Of a hundred entries 8 are symbolic links and 3 further names of a file.
static void add_entry(struct package* package, size_t folder, struct random* r) {
  const size_t serial = package->count;
  const size_t of = random_below(r, 100);
  const size_t before = serial - 1;
  const bool has_file =
      package->items[before].kind == REGULAR && package->items[before].parent == folder;
  const enum item_kind kind = !has_file || of >= 11 ? REGULAR : of < 8 ? SYMLINK : HARD_LINK;
  struct item* item = add(package, kind, folder);
  name_file(item, package->items[folder].path, r, serial);
  item->size = file_size(r);
  item->target = before;
  if (strncmp(item->path, "bin/", 4) == 0) item->mode = 0755;
  if (kind == HARD_LINK) {
    item->has_links = package->items[before].has_links = true;
    item->mode = package->items[before].mode;
  }
}

// Small directories that are removed, replaced or renamed as a whole.
static void add_small_directory(struct package* package, size_t share, size_t serial,
                                struct random* r) {
  char name[NAME_SIZE];
  snprintf(name, sizeof name, "%s-%zu", word(r), serial);
  const size_t folder = add_directory(package, package->items[share].path, share, name);
  package->items[folder].whole = true;
  for (size_t i = 0; i < 4; i++) {
    struct item* item = add(package, REGULAR, folder);
    name_file(item, package->items[folder].path, r, package->count);
    item->size = file_size(r);
    item->whole = true;
  }
}

void package_plan(struct package* package, size_t number) {
  enum { BIG_EVERY = 1000, BIG_AT = 500, BIG = 10000 };
  struct random r = {0x0715731ee5u ^ ((uint64_t)number << 20)};
  const bool big = number % BIG_EVERY == BIG_AT;
  const size_t entries = 50 + random_below(&r, 151) + (big ? BIG + random_below(&r, 2000) : 0);
  *package = (struct package){.items = malloc((entries + 16) * sizeof *package->items)};
  if (package->items == NULL) die("malloc");
  name_package(package, &r);
  struct skeleton s = {.count = 0};
  const char* name = word(&r);
  add_skeleton(package, &s, name);
  const size_t few = entries > 200 ? 8 : entries / 25;
  for (size_t i = 0; i < few; i++) add_small_directory(package, s.share, i, &r);
  size_t left = package->count < entries ? entries - package->count : 0;
  // Entries of one directory follow each other, so that links are beside what they lead to.
  for (size_t i = 0; i < s.count; i++) {
    const size_t here = i + 1 == s.count ? left : (big ? 20 : left / (s.count - i));
    for (size_t j = 0; j < here; j++) add_entry(package, s.folders[i], &r);
    left -= here;
  }
}

void package_free(struct package* package) { free(package->items); }

size_t packages_in(size_t entries, size_t* last) {
  size_t number = 0;
  for (;; number++) {
    struct package package;
    package_plan(&package, number);
    const size_t of = 1 + package.count;  // itself
    package_free(&package);
    *last = of < entries ? of : entries;
    if (of >= entries) return number + 1;
    entries -= of;
  }
}
