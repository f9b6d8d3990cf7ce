// An overlay that is mounted nowhere, by fsopen(2) and its like.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab.h"

// The numbers of every architecture; headers may be older than the calls.
enum { kFsopen = 430, kFsconfig = 431, kFsmount = 432 };
enum { kCloseOnExec = 1, kSetFlag = 0, kSetFd = 5, kCreate = 6 };

static int set_layer(int context, const char* key, const char* path) {
  int fd = path_open_directory(path);
  if (fd < 0) return -1;
  int result = (int)syscall(kFsconfig, context, kSetFd, key, NULL, fd);
  if (result < 0) fail(errno, "fsconfig %s", key);
  close(fd);
  return result;
}

static int create(int context, char** argv) {
  if (set_layer(context, "lowerdir+", argv[1]) < 0) return -1;
  if (set_layer(context, "upperdir", argv[2]) < 0) return -1;
  if (set_layer(context, "workdir", argv[3]) < 0) return -1;
  if (strcmp(argv[4], "user") == 0 &&
      syscall(kFsconfig, context, kSetFlag, "userxattr", NULL, 0) < 0) {
    return fail(errno, "fsconfig userxattr");
  }
  if (syscall(kFsconfig, context, kCreate, NULL, NULL, 0) < 0) return fail(errno, "fsconfig");
  int mount = (int)syscall(kFsmount, context, kCloseOnExec, 0);
  return mount < 0 ? fail(errno, "fsmount") : mount;
}

// Answers with the descriptor, which stays open.
int op_detached(int argc, char** argv, struct bytes* out) {
  (void)argc;
  int context = (int)syscall(kFsopen, "overlay", kCloseOnExec);
  if (context < 0) return fail(errno, "fsopen");
  int mount = create(context, argv);
  close(context);
  if (mount < 0) return -1;
  char text[16];
  int length = snprintf(text, sizeof text, "%d", mount);
  bytes_add(out, text, (size_t)length);
  return 0;
}
