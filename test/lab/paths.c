// Resolution of paths component by component: it has no length limit, and a symlink that a random
// history put in the way can never lead an operation out of its tree.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lab.h"

static bool on_procfs(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int step(int at, const char* name) {
  int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
  // Links in procfs (/proc/<pid>/fd/N, /proc/<pid>/root) are the only way to a detached mount or to
  // another mount namespace, and no test tree lies there: follow them.
  if (fd < 0 && errno == ENOTDIR && on_procfs(at)) {
    fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  return fd;
}

int place_open(const char* path, struct place* place) {
  if (path[0] != '/') return fail(EINVAL, "not an absolute path: %s", path);
  int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) return fail(errno, "open /");
  strcpy(place->name, ".");
  bool first = true;
  const char* next = path;
  for (;;) {
    next += strspn(next, "/");
    if (*next == '\0') break;
    size_t length = strcspn(next, "/");
    if (length > NAME_MAX) {
      close(at);
      return fail(ENAMETOOLONG, "%s", path);
    }
    if (!first) {
      int inner = step(at, place->name);
      int error = errno;
      close(at);
      if (inner < 0) return fail(error, "%s at %.*s", path, (int)(next - path), path);
      at = inner;
    }
    memcpy(place->name, next, length);
    place->name[length] = '\0';
    first = false;
    next += length;
  }
  place->parent = at;
  return 0;
}

void place_close(struct place* place) {
  int error = errno;
  close(place->parent);
  errno = error;
}

int path_open_directory(const char* path) {
  struct place place;
  if (place_open(path, &place) < 0) return -1;
  int bare = step(place.parent, place.name);
  place_close(&place);
  if (bare < 0) return fail(errno, "%s", path);
  int fd = openat(bare, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = errno;
  close(bare);
  return fd < 0 ? fail(error, "%s", path) : fd;
}

void proc_path(char* out, int directory, const char* name) {
  snprintf(out, PROC_PATH_SIZE, "/proc/self/fd/%d/%s", directory, name);
}
