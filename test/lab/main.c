// The protocol. A request is `<argc>\n` and argc NUL-terminated strings; a reply is
// `ok <length>\n<payload>` or `err <errno> <name> <text>\n`. The program ends with its input, so it
// cannot outlive the test that started it.
#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lab.h"

static const struct {
  const char* name;
  operation* run;
  int least;  // arguments, the name not counted
  int most;
} operations[] = {
    {"mkdir", op_mkdir, 2, 2},       {"write", op_write, 2, 3},
    {"append", op_append, 2, 2},     {"truncate", op_truncate, 2, 2},
    {"writeat", op_writeat, 3, 3},   {"punch", op_punch, 3, 3},
    {"openrdwr", op_openrdwr, 1, 1}, {"fill", op_fill, 3, 3},
    {"rewrite", op_rewrite, 3, 3},   {"chmod", op_chmod, 2, 2},
    {"chown", op_chown, 3, 3},       {"utimens", op_utimens, 3, 3},
    {"setxattr", op_setxattr, 3, 3}, {"removexattr", op_removexattr, 2, 2},
    {"getxattr", op_getxattr, 2, 2}, {"listxattr", op_listxattr, 1, 1},
    {"setacl", op_setacl, 2, 2},     {"link", op_link, 2, 2},
    {"symlink", op_symlink, 2, 2},   {"unlink", op_unlink, 1, 1},
    {"rmdir", op_rmdir, 1, 1},       {"rmtree", op_rmtree, 1, 1},
    {"rename", op_rename, 2, 2},     {"exchange", op_exchange, 2, 2},
    {"mknod", op_mknod, 5, 5},       {"fifo", op_fifo, 2, 2},
    {"socket", op_socket, 2, 2},     {"whiteout", op_whiteout, 1, 1},
    {"stat", op_stat, 1, 1},         {"readlink", op_readlink, 1, 1},
    {"read", op_read, 1, 1},         {"exists", op_exists, 1, 1},
    {"list", op_list, 1, 1},         {"mount", op_mount, 5, 5},
    {"umount", op_umount, 1, 2},     {"compare", op_compare, 3, 4},
    {"copytree", op_copytree, 2, 2}, {"apply", op_apply, 3, 4},
    {"pause", op_pause, 1, 1},
};

enum { kMostArguments = 16 };

static int dispatch(int argc, char** argv, struct bytes* out) {
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operations[i].name, argv[0]) != 0) continue;
    if (argc - 1 < operations[i].least || argc - 1 > operations[i].most) {
      return fail(EINVAL, "%s takes %d to %d arguments", argv[0], operations[i].least,
                  operations[i].most);
    }
    return operations[i].run(argc, argv, out);
  }
  return fail(ENOSYS, "unknown operation %s", argv[0]);
}

// Reads one request. 1 read, 0 end of input; a broken frame cannot be recovered from.
static int receive(int* argc, char** argv, size_t* sizes) {
  char line[32];
  if (fgets(line, sizeof line, stdin) == NULL) return 0;
  char* end;
  long count = strtol(line, &end, 10);
  if (*end != '\n' || count < 1 || count > kMostArguments) {
    fputs("lab: bad request\n", stderr);
    exit(2);
  }
  *argc = (int)count;
  for (int i = 0; i < *argc; i++) {
    ssize_t length = getdelim(&argv[i], &sizes[i], '\0', stdin);
    if (length < 1 || argv[i][length - 1] != '\0') return 0;
  }
  return 1;
}

// A walk keeps up to three descriptors and a few hundred bytes of stack for every level.
static void raise_limits(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    const struct rlimit most = {1 << 20, 1 << 20};
    // Root may go beyond its hard limit, anyone else up to it.
    if (limit.rlim_max >= most.rlim_max || setrlimit(RLIMIT_NOFILE, &most) < 0) {
      limit.rlim_cur = limit.rlim_max;
      (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
  }
  if (getrlimit(RLIMIT_STACK, &limit) == 0) {
    const rlim_t wanted = (rlim_t)96 << 20;  // below the gap that the kernel leaves at least
    if (limit.rlim_cur < wanted) {
      limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
      (void)setrlimit(RLIMIT_STACK, &limit);
    }
  }
}

int main(void) {
  raise_limits();
  umask(0);  // modes are meant as given
  if (chdir("/") < 0) return 1;
  char* argv[kMostArguments] = {0};
  size_t sizes[kMostArguments] = {0};
  int argc;
  while (receive(&argc, argv, sizes) == 1) {
    struct bytes out = {0};
    if (dispatch(argc, argv, &out) < 0) {
      fail_reply(stdout);
    } else {
      printf("ok %zu\n", out.length);
      if (out.length > 0) fwrite(out.data, 1, out.length, stdout);
    }
    bytes_free(&out);
    if (fflush(stdout) != 0) return 1;
  }
  for (int i = 0; i < kMostArguments; i++) free(argv[i]);
  return 0;
}
