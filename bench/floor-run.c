// The floor of running a program on a copy-on-write view: the calls to the kernel that it costs at
// least, with nothing between them.
//
//   floor-run MODE LOWER STATE CYCLES PROGRAM [ARGUMENT...]   prints the nanoseconds of every cycle
//
//   whole   a session is made in STATE, the overlay mounted, the program run, the session removed
//   run     the program is run on an overlay that is mounted already
//
// The overlay has the options that `overlayfs run` gives it, and lies over LOWER itself. The
// program gets a mount namespace of its own. It works for root, also for that of a user namespace,
// in a private mount namespace. No failure is handled: there is none, or it ends.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Of <sys/mount.h>, which does not go with <linux/mount.h> where the C library is older.
int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const void* data);
enum { RECURSIVELY_SLAVE = 16384 | (1 << 19), STACK = 64 * 1024 };  // MS_REC | MS_SLAVE

static const char* lower;
static char** program;
static int in_user_namespace;

static void die(const char* what) {
  perror(what);
  _exit(1);
}

static int must(int done, const char* what) {
  if (done < 0) die(what);
  return done;
}

static void set(int context, const char* key, const char* value) {
  const unsigned how = value == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  must((int)syscall(SYS_fsconfig, context, how, key, value, 0), key);
}

static int make_overlay(void) {
  must(mkdir("session", 0700), "session");
  must(mkdir("session/upper", 0755), "upper");
  must(mkdir("session/work", 0700), "work");
  const int context = must((int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC), "fsopen");
  set(context, "source", "overlay");
  set(context, "lowerdir", lower);
  set(context, "upperdir", "session/upper");
  set(context, "workdir", "session/work");
  set(context, "index", "off");
  set(context, "metacopy", "off");
  set(context, "xino", "off");
  set(context, "nfs_export", "off");
  set(context, "redirect_dir", in_user_namespace ? "nofollow" : "follow");
  if (in_user_namespace) set(context, "userxattr", NULL);
  set(context, "volatile", NULL);
  must((int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create");
  const int made = must((int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0), "fsmount");
  close(context);
  return made;
}

static void remove_overlay(int made) {
  close(made);
  must(unlink("session/work/work/incompat/volatile/dirty"), "dirty");
  must(rmdir("session/work/work/incompat/volatile"), "volatile");
  must(rmdir("session/work/work/incompat"), "incompat");
  must(rmdir("session/work/work"), "work/work");
  must(rmdir("session/work"), "work");
  must(rmdir("session/upper"), "upper");
  must(rmdir("session"), "session");
}

static int child(void* argument) {
  const int made = *(const int*)argument;
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  const int copy = must((int)syscall(SYS_open_tree, made, "", flags), "open_tree");
  must(unshare(CLONE_NEWNS), "unshare");
  must(mount(NULL, "/", NULL, RECURSIVELY_SLAVE, NULL), "slave");
  must((int)syscall(SYS_move_mount, copy, "", AT_FDCWD, lower, MOVE_MOUNT_F_EMPTY_PATH),
       "move_mount");
  close(copy);
  must(chdir(lower), lower);
  execvp(program[0], program);
  die(program[0]);
  return 1;
}

static void run(int made) {
  static char stack[STACK] __attribute__((aligned(64)));
  int status;
  const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
  const pid_t pid = must(clone(child, stack + sizeof stack, flags, &made), "clone");
  must(waitpid(pid, &status, 0), "waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fputs("floor-run: the program has failed\n", stderr);
    exit(1);
  }
}

int main(int argc, char** argv) {
  if (argc < 6) {
    fputs("usage: floor-run MODE LOWER STATE CYCLES PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  const int whole = strcmp(argv[1], "whole") == 0;
  const long cycles = atol(argv[4]);
  char map[64] = "";
  FILE* ids = fopen("/proc/self/uid_map", "r");
  if (ids == NULL || fgets(map, sizeof map, ids) == NULL) die("uid_map");
  fclose(ids);
  in_user_namespace = strstr(map, "4294967295") == NULL;
  lower = argv[2];
  program = argv + 5;
  must(chdir(argv[3]), argv[3]);
  // Printed at the end, so that nothing is written meanwhile.
  long* took = malloc(sizeof *took * (size_t)(cycles > 0 ? cycles : 1));
  if (took == NULL) die("malloc");
  int made = whole ? -1 : make_overlay();
  for (long i = 0; i < cycles; ++i) {
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (whole) made = make_overlay();
    run(made);
    if (whole) remove_overlay(made);
    clock_gettime(CLOCK_MONOTONIC, &end);
    took[i] = (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec;
  }
  if (!whole) remove_overlay(made);
  for (long i = 0; i < cycles; ++i) printf("%ld\n", took[i]);
  return 0;
}
