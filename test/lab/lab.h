// The independent test laboratory: shared declarations. Nothing here may come from native/, or the
// tests would share its bugs.
#ifndef LAB_H_
#define LAB_H_

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

// ---- support.c: memory, errors, numbers ----

struct bytes {
  char* data;
  size_t length;
  size_t capacity;
};

// Running out of memory ends the program: a test tool has nothing better to do.
void* lab_realloc(void* old, size_t size);
void bytes_add(struct bytes* bytes, const void* data, size_t length);
void bytes_add_string(struct bytes* bytes, const char* text);  // with its NUL
void bytes_free(struct bytes* bytes);

// Records the error of the running operation and returns -1, so that callers can `return fail(…)`.
int fail(int error, const char* format, ...) __attribute__((format(printf, 2, 3)));
int fail_reply(FILE* out);

int parse_number(const char* text, int base, long long* value);

// Undoes the client's escaping (`\0` is a NUL, `\\` a backslash) in place; returns the length.
// Arguments end with a NUL, so binary data could not be passed otherwise.
int unescape(char* text, size_t* length);

int write_all(int fd, const char* data, size_t length, long long offset);

// ---- paths.c: every path of any length, symlinks never followed ----

struct place {
  int parent;               // O_PATH descriptor of the directory that holds the name
  char name[NAME_MAX + 1];  // "." for "/"
};

int place_open(const char* path, struct place* place);
void place_close(struct place* place);
int path_open_directory(const char* path);  // readable descriptor
// A path of fixed length for the calls that take no directory descriptor (l*xattr).
#define PROC_PATH_SIZE (sizeof "/proc/self/fd/" + 12 + NAME_MAX + 2)
void proc_path(char* out, int directory, const char* name);

// ---- names.c: directory listings ----

struct names {
  char** items;
  size_t count;
};

int names_read(int directory, struct names* names);  // appends; "." and ".." left out
void names_sort(struct names* names);                // as bytes, duplicates removed
void names_free(struct names* names);

// ---- operations ----

// Answers are appended to `out`; -1 means that fail() was called.
typedef int operation(int argc, char** argv, struct bytes* out);

operation op_mkdir, op_write, op_append, op_truncate, op_writeat, op_punch, op_openrdwr, op_fill;
operation op_rewrite;
operation op_link, op_symlink, op_unlink, op_rmdir, op_rename, op_exchange;
operation op_mknod, op_fifo, op_socket, op_whiteout;
operation op_stat, op_readlink, op_read, op_exists, op_list;
operation op_chmod, op_chown, op_utimens;
operation op_setxattr, op_removexattr, op_getxattr, op_listxattr, op_setacl;
operation op_rmtree;
operation op_mount, op_umount;
operation op_compare, op_copytree, op_apply;
operation op_pause;

const char* type_word(mode_t mode);

// ---- read.c: whole attributes, each buffer grown until it fits ----

// EOPNOTSUPP of the listing counts as an empty list. Both return -1 with errno set.
int read_xattr_names(const char* path, struct bytes* out);
int read_xattr(const char* path, const char* name, struct bytes* out);
int read_link(int directory, const char* name, struct bytes* out);

// ---- xattrs.c: the extended attributes of one entry as the oracle sees them ----

struct xattr_view {
  const char* own;  // "trusted.overlay." or "user.overlay."
  bool verbatim;    // seen through an overlay, which has hidden and unescaped its own already
};

// Sets *same. Errors name the attribute's file by `label`.
int xattrs_compare(int before, const struct xattr_view* before_view, int after,
                   const struct xattr_view* after_view, const char* name, const char* label,
                   bool* same);

// ---- copy.c: from one directory's name to another's; all call fail() ----

// Makes the entry, of the type of `st`, with its content, target or device number.
int copy_data(const struct stat* st, int from, const char* from_name, int to, const char* to_name);
int copy_content(int from, const char* from_name, int to, const char* to_name);
// Everything but that. ACLs and capabilities are extended attributes.
int copy_attributes(const struct stat* st, int from, const char* from_name, int to,
                    const char* to_name);
int copy_owner(const struct stat* st, int to, const char* name);
int copy_mode(const struct stat* st, int to, const char* name);
int copy_times(const struct stat* st, int to, const char* name);
// Those that are not at the source are removed.
int copy_xattrs(int from, const char* from_name, int to, const char* to_name);

// ---- links.c: hard link groups ----

struct link_name {
  dev_t device;
  ino_t inode;
  char* path;
};

struct link_table {
  struct link_name* items;
  size_t count;
};

// With an upper directory: names that have an entry there are identified by that entry's inode. The
// mount is no witness for them: an unprivileged one shows two inode numbers for two links of one
// upper file while the first is cached (its `origin` is empty), and a copied-up file may show the
// number of an untouched name. Names without one are left out unless `untouched`.
int links_collect(int directory, int upper, bool untouched, struct link_table* table);
void links_add(struct link_table* table, const struct stat* st, const char* path);
// The path under which the inode was added first, or NULL.
const char* links_find(const struct link_table* table, const struct stat* st);
void links_free(struct link_table* table);
// Whether the group of `path` changed between the two trees. `loses_outside`: it is another inode
// than before, not one that an index keeps together, so that names outside the tree are names of it
// no more.
bool links_differ(const char* path, const struct link_table* before, const struct stat* before_stat,
                  const struct link_table* after, const struct stat* after_stat,
                  bool loses_outside);

// ---- look.c: one name in one directory ----

bool is_whiteout(const struct stat* st);
// 1 present, 0 absent, -1 failed.
int look(int directory, const char* name, const char* label, struct stat* st);
// The directory of that name as an O_PATH descriptor; -1 without `required` if there is none, and
// with *failed set if it cannot be opened. -1 for `directory` gives -1.
int enter(int directory, const char* name, const char* label, bool required, bool* failed);

// A walk deeper than this closes the outer directories on its way down and comes back by "..", so
// that the depth of a tree is not limited by the number of descriptors. Above, they stay open: ".."
// needs search permission where a mere listing does not.
enum { kLevelsKeptOpen = 1000 };
void leave_outer(int* outer, int inner, size_t depth);
// Closes `inner`, and opens `outer` again unless `result` is a failure. Returns the new result.
int return_outer(int* outer, int inner, size_t depth, int result);

#endif
