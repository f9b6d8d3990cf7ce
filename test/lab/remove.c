// Recursive removal.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lab.h"

static int remove_entry(int parent, const char* name, bool top);

static int remove_children(int parent, const char* name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail(errno, "open %s", name);
  struct names names = {0};
  int result = names_read(fd, &names);
  if (result < 0) fail(errno, "readdir %s", name);
  for (size_t i = 0; i < names.count && result == 0; i++) {
    result = remove_entry(fd, names.items[i], false);
  }
  names_free(&names);
  close(fd);
  return result;
}

static int remove_entry(int parent, const char* name, bool top) {
  struct statx st;
  if (statx(parent, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE, &st) < 0) {
    // An overlay lists whiteouts of unmerged directories that its lookup then denies.
    return errno == ENOENT && !top ? 0 : fail(errno, "stat %s", name);
  }
  bool directory = S_ISDIR(st.stx_mode);
  if (directory) {
    // A forgotten mount below a scratch directory must not be emptied.
    if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
      return fail(EBUSY, "%s is a mount point", name);
    }
    // Overlay's own work/work has mode 0. Root needs no permission, and a chmod for nothing would
    // copy up.
    if (geteuid() != 0 && (st.stx_mode & 0700) != 0700 &&
        fchmodat(parent, name, (st.stx_mode & 07777) | 0700, 0) < 0) {
      return fail(errno, "chmod %s", name);
    }
    if (remove_children(parent, name) < 0) return -1;
  }
  if (unlinkat(parent, name, directory ? AT_REMOVEDIR : 0) < 0) {
    return fail(errno, "unlink %s", name);
  }
  return 0;
}

int op_rmtree(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  struct place at;
  if (place_open(argv[1], &at) < 0) return -1;
  int result = remove_entry(at.parent, at.name, true);
  place_close(&at);
  return result;
}
