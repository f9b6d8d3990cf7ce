// What one entry is: added, deleted, modified or no change.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "floor.h"

static bool is_directory(const struct side* side) { return S_ISDIR(side->st.st_mode); }

// Marks other than an opaque one say something of files that the mounts measured here do not make.
static struct marks file_marks(struct worker* w, struct side* after) {
  if (after->list == NULL) list_xattrs(after, w->lists[1]);
  const struct marks marks = marks_of(after);
  if (marks.metacopy && S_ISREG(after->st.st_mode)) {
    errno = ENOTSUP;
    fail("metacopy", w->path);
  }
  return marks;
}

// Whether anything of it is to be found out later than now.
static void report(struct worker* w, const struct directory* d, char kind, unsigned aspects,
                   const struct side* before, const struct side* after, bool in_upper, bool origin,
                   bool ask_links) {
  struct late late = {.kind = kind, .aspects = aspects, .ask_links = ask_links};
  const bool other = kind == 'A' || (aspects & (TYPE | BYTES | DEVICE | TARGET)) != 0;
  if (other && origin && !options.kinds_only) {
    late.origin_size = foreign_origin(w, before, after, late.origin);
  }
  // Its name holds another file now: it may itself be elsewhere.
  if (before != NULL && !is_directory(before) && in_upper && !options.kinds_only &&
      (!origin || late.origin_size > 0)) {
    add_gone(w, before->st.st_ino, w->path);
  }
  if (!ask_links && late.origin_size == 0) {
    if (kind == 'A' || aspects != 0) print_change(w, kind, aspects, w->path, "");
    return;
  }
  char home[PATHS];
  late.path = w->path;
  late.at_home = home;
  *home = '\0';
  if (d->after != NULL) {
    const size_t length = strlen(d->after);
    memcpy(home, d->after, length);
    append(home, length, w->path + d->length);
  }
  late.after_ino = after->st.st_ino;
  late.before_ino = before == NULL ? 0 : before->st.st_ino;
  late.before_links = before == NULL ? 0 : before->st.st_nlink;
  add_late(w, &late);
}

void judge_deleted(struct worker* w, const struct side* before) {
  print_change(w, 'D', 0, w->path, "");
  if (!is_directory(before) && !options.kinds_only) add_gone(w, before->st.st_ino, w->path);
}

// Only a whiteout by attribute or an unfinished file can make it another thing than a file, and
// both show in the list of attributes: it is not looked at.
void judge_added(struct worker* w, const struct directory* d, struct side* after, uint64_t ino) {
  bool origin = false;
  if (S_ISREG(after->st.st_mode) || (!options.kinds_only && !options.user_marks)) {
    const struct marks marks = file_marks(w, after);
    origin = marks.origin;
    if (marks.whiteout && S_ISREG(after->st.st_mode)) {
      if (fstatat(after->dir, after->name, &after->st, AT_SYMLINK_NOFOLLOW) != 0) {
        fail("fstatat", w->path);
      }
      if (after->st.st_size == 0) return;
    }
  }
  add_added(w, ino);
  report(w, d, 'A', 0, NULL, after, true, origin, false);
}

void judge_type(struct worker* w, const struct directory* d, struct side* before,
                struct side* after, bool in_upper) {
  bool origin = false;
  if (in_upper && (S_ISREG(after->st.st_mode) || (!options.kinds_only && !options.user_marks))) {
    origin = file_marks(w, after).origin;
  }
  if (in_upper && after->st.st_nlink > 1) {
    add_linked(w, after->st.st_ino, is_directory(before) ? 0 : before->st.st_ino);
  }
  report(w, d, 'M', TYPE, before, after, in_upper, origin, false);
}

// Both are files of one type. Cheapest first; of kinds alone the first difference is enough.
void judge(struct worker* w, const struct directory* d, struct side* before, struct side* after,
           bool in_upper) {
  if (before->st.st_ino == after->st.st_ino && before->st.st_dev == after->st.st_dev) return;
  unsigned aspects = compare_stat(&before->st, &after->st);
  const bool grouped = in_upper && after->st.st_nlink > 1;
  if (grouped) add_linked(w, after->st.st_ino, before->st.st_ino);
  if (in_upper && !grouped && before->st.st_nlink != 1) aspects |= LINKS;
  bool origin = false;
  if (aspects == 0 || !options.kinds_only) {
    // Of a link user.* attributes cannot exist, but others can.
    origin = file_marks(w, after).origin;
    if (before->list == NULL) list_xattrs(before, w->lists[0]);
    if (!same_xattrs(w, before, after)) aspects |= XATTR;
  }
  const mode_t type = after->st.st_mode & S_IFMT;
  const bool wanted = aspects == 0 || !options.kinds_only;
  if (wanted && type == S_IFLNK && !same_target(w, before, after)) aspects |= TARGET;
  if (wanted && type == S_IFREG && (aspects & BYTES) == 0 && after->st.st_size > 0 &&
      !same_bytes(w, before, after)) {
    aspects |= BYTES;
  }
  report(w, d, 'M', aspects, before, after, in_upper, in_upper && origin,
         grouped && (aspects == 0 || !options.kinds_only));
}

unsigned compare_directories(struct worker* w, struct side* before, struct side* after) {
  unsigned aspects = compare_stat(&before->st, &after->st);
  if (aspects != 0 && options.kinds_only) return aspects;
  if (before->list == NULL) list_xattrs(before, w->lists[0]);
  if (after->list == NULL) list_xattrs(after, w->lists[1]);
  if (!same_xattrs(w, before, after)) aspects |= XATTR;
  return aspects;
}
