// The floor of mounting: the calls to the kernel that an overlay costs at least, in the library's
// order and with nothing between them.
//
//   floor-mount MODE DIR CYCLES OPTION...    prints the nanoseconds of every cycle, one a line
//
// DIR has lower, upper, work and target; OPTION is "key" or "key=value" for overlayfs. With
// "volatile" the upper is synced and the kernel's mark removed after every cycle, as we do it.
//
//   attached           mounts on DIR/target, looks at what it got, unmounts that and nothing else
//   guarded            the same, of an upper that nobody else has: flocks, the question to the
//                      kernel, a lease in the workdir
//   rootless           detached, made by a child in new namespaces; closed
//   rootless-guarded   the same after flocks and a look at every table of mounts that can be seen
//
// No failure is handled: there is none, or it ends.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Of <sys/mount.h>, which does not go with <linux/mount.h> where the C library is older.
int umount2(const char* target, int flags);
enum { NO_FOLLOW = 8 };  // UMOUNT_NOFOLLOW

enum { DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC, SET_FD = 5, P_OF_PIDFD = 3 };
enum { MNT_ID_UNIQUE = 0x4000, UNIQUE_ID_AT = 0x90, STACK = 64 * 1024 };

static char** options;
static int option_count;
static int is_volatile;

static void die(const char* what) {
  perror(what);
  exit(1);
}

static int must(int done, const char* what) {
  if (done < 0) die(what);
  return done;
}

static int open_directory(int at, const char* name) {
  return must(openat(at, name, DIRECTORY), name);
}

static void config(int context, unsigned command, const char* key, const char* value, int aux) {
  if (syscall(SYS_fsconfig, context, command, key, value, aux) != 0) die(key ? key : "create");
}

// Layers by descriptor; gives the detached mount.
static int build(int lower, int upper, int work) {
  const int context = must((int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC), "fsopen");
  config(context, FSCONFIG_SET_STRING, "source", "overlay", 0);
  config(context, SET_FD, "lowerdir+", NULL, lower);
  config(context, SET_FD, "upperdir", NULL, upper);
  config(context, SET_FD, "workdir", NULL, work);
  for (int i = 0; i < option_count; ++i) {
    char key[64];
    const char* equals = strchr(options[i], '=');
    if (equals == NULL) {
      config(context, FSCONFIG_SET_FLAG, options[i], NULL, 0);
      continue;
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - options[i]), options[i]);
    config(context, FSCONFIG_SET_STRING, key, equals + 1, 0);
  }
  config(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
  const int mount = must((int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0), "fsmount");
  close(context);
  return mount;
}

static uint64_t mount_id(int fd) {
  unsigned char out[256];
  uint64_t id;
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, MNT_ID_UNIQUE, out) != 0) die("statx");
  memcpy(&id, out + UNIQUE_ID_AT, sizeof id);
  return id;
}

static void expect_writable(int mount) {
  struct statfs fs;
  if (fstatfs(mount, &fs) != 0 || (fs.f_flags & 1) != 0) die("fstatfs");
}

static void sync_and_unmark(int upper, int work, int as_root) {
  if (!is_volatile) return;
  must(syncfs(upper), "syncfs");
  // The kernel's directories have mode 0, which binds everybody but root.
  for (int i = 0; !as_root && i < 3; ++i) {
    const char* names[] = {"work", "work/incompat", "work/incompat/volatile"};
    must(fchmodat(work, names[i], 0700, 0), names[i]);
  }
  must(unlinkat(work, "work/incompat/volatile/dirty", 0), "dirty");
  must(unlinkat(work, "work/incompat/volatile", AT_REMOVEDIR), "volatile");
  must(unlinkat(work, "work/incompat", AT_REMOVEDIR), "incompat");
}

// Who may not keep an index gets no answer but "free".
static void expect_index(int upper) {
  struct {
    struct file_handle head;
    char bytes[MAX_HANDLE_SZ];
  } handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  struct stat st;
  int mount;
  must((int)syscall(SYS_capget, &header, data), "capget");
  must(stat("/proc/thread-self/ns/user", &st), "user");
  must(name_to_handle_at(upper, ".", &handle.head, &mount, 0), "name_to_handle_at");
}

static int ask(int a, int b) {
  char text[128];
  const int context = must((int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC), "fsopen");
  snprintf(text, sizeof text, "/proc/self/fd/%d:/proc/self/fd/%d", a, b);
  config(context, FSCONFIG_SET_STRING, "lowerdir", text, 0);
  config(context, FSCONFIG_SET_STRING, "nfs_export", "on", 0);
  config(context, FSCONFIG_SET_STRING, "redirect_dir", "nofollow", 0);
  const long created = syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
  close(context);
  return (int)created;
}

// Locked until they are closed.
static void lock(int upper, int work, int fds[2]) {
  fds[0] = open_directory(upper, ".");
  fds[1] = open_directory(work, ".");
  must(flock(fds[0], LOCK_EX | LOCK_NB), "flock");
  must(flock(fds[1], LOCK_EX | LOCK_NB), "flock");
}

static int draft_lease(int work) {
  return must(openat(work, ".lease.new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), "draft");
}

static ino_t publish_lease(int work, int draft, uint64_t id) {
  char text[256];
  struct stat st;
  must(stat("/proc/thread-self/ns/mnt", &st), "mnt");
  const int n = snprintf(text, sizeof text, "pid=%d\nns=%lu\nmount=%llu\ncommand=%0120d\n",
                         getpid(), st.st_ino, (unsigned long long)id, 0);
  if (write(draft, text, (size_t)n) != n) die("write");
  must(fstat(draft, &st), "fstat");
  must(renameat(work, ".lease.new", work, ".lease"), "renameat");
  close(draft);
  return st.st_ino;
}

// Of nobody else.
static void remove_lease(int work, ino_t lease) {
  struct stat st;
  if (fstatat(work, ".lease", &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ino != lease) die("lease");
  must(unlinkat(work, ".lease", 0), "lease");
}

static void attached(int guarded) {
  int locks[2] = {-1, -1};
  int draft = -1;
  ino_t lease = 0;
  const int lower = open_directory(AT_FDCWD, "lower");
  const int upper = open_directory(AT_FDCWD, "upper");
  const int work = open_directory(AT_FDCWD, "work");
  int target = must(open("target", O_PATH | O_CLOEXEC), "target");
  if (guarded) {
    lock(upper, work, locks);
    expect_index(locks[0]);
    must(ask(locks[0], locks[1]), "in use");
    draft = draft_lease(work);
  }
  const int mount = build(lower, upper, work);
  expect_writable(mount);
  const uint64_t id = mount_id(mount);
  if (guarded) {
    lease = publish_lease(work, draft, id);
    close(locks[0]);
    close(locks[1]);
  }
  const unsigned both = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  must((int)syscall(SYS_move_mount, mount, "", target, "", both), "move_mount");
  close(target);
  close(mount);

  char name[64];
  char path[4096];
  target = must(open("target", O_PATH | O_CLOEXEC), "target");
  if (mount_id(target) != id) die("another mount");
  snprintf(name, sizeof name, "/proc/self/fd/%d", target);
  path[must((int)readlink(name, path, sizeof path - 1), "readlink")] = '\0';
  close(target);
  must(umount2(path, NO_FOLLOW), "umount2");
  sync_and_unmark(upper, work, 1);
  if (guarded) remove_lease(work, lease);
  close(lower);
  close(upper);
  close(work);
}

// The text of a table of mounts, which has no length beforehand.
static int mentions_overlay(const char* path) {
  static char text[1 << 16];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  int found = 0;
  for (ssize_t n; fd >= 0 && (n = read(fd, text, sizeof text - 1)) > 0;) {
    text[n] = '\0';
    found |= strstr(text, " - overlay ") != NULL;
  }
  if (fd >= 0) close(fd);
  return found;
}

static int seen_in(const ino_t* seen, int count, ino_t inode) {
  for (int i = 0; i < count; ++i) {
    if (seen[i] == inode) return 1;
  }
  return 0;
}

// One table for every namespace of mounts. Overlays on other uppers may be there; nobody looks.
static void search(void) {
  ino_t seen[256];
  int count = 0;
  struct stat st;
  char path[64];
  struct dirent* entry;
  if (stat("/proc/self/ns/mnt", &st) != 0) die("mnt");
  seen[count++] = st.st_ino;
  (void)mentions_overlay("/proc/self/mountinfo");
  DIR* proc = opendir("/proc");
  if (proc == NULL) die("/proc");
  while ((entry = readdir(proc)) != NULL) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    snprintf(path, sizeof path, "%.16s/ns/mnt", entry->d_name);
    if (fstatat(dirfd(proc), path, &st, 0) != 0) continue;
    if (count == 256 || seen_in(seen, count, st.st_ino)) continue;
    seen[count++] = st.st_ino;
    snprintf(path, sizeof path, "/proc/%.16s/mountinfo", entry->d_name);
    (void)mentions_overlay(path);
  }
  closedir(proc);
}

struct rootless {
  int mount;
  int user;
  char uids[32];
  char gids[32];
};

static void write_to(const char* path, const char* text) {
  const int fd = must(open(path, O_WRONLY | O_CLOEXEC), path);
  if (write(fd, text, strlen(text)) < 0) die(path);
  close(fd);
}

// Layers are opened here anew: a descriptor of the parent's namespace is none.
static int child(void* argument) {
  struct rootless* shared = argument;
  write_to("/proc/self/setgroups", "deny");
  write_to("/proc/self/uid_map", shared->uids);
  write_to("/proc/self/gid_map", shared->gids);
  shared->user = must(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), "user");
  const int lower = open_directory(AT_FDCWD, "lower");
  const int upper = open_directory(AT_FDCWD, "upper");
  const int work = open_directory(AT_FDCWD, "work");
  shared->mount = build(lower, upper, work);
  close(lower);
  close(upper);
  close(work);
  _exit(0);
}

static void rootless(int guarded) {
  static char stack[STACK] __attribute__((aligned(64)));
  int locks[2] = {-1, -1};
  int draft = -1;
  int pidfd = -1;
  siginfo_t info;
  struct rootless shared = {.mount = -1, .user = -1};
  const int lower = open_directory(AT_FDCWD, "lower");
  const int upper = open_directory(AT_FDCWD, "upper");
  const int work = open_directory(AT_FDCWD, "work");
  if (guarded) {
    lock(upper, work, locks);
    search();
    draft = draft_lease(work);
  }
  snprintf(shared.uids, sizeof shared.uids, "%u %u 1", geteuid(), geteuid());
  snprintf(shared.gids, sizeof shared.gids, "%u %u 1", getegid(), getegid());
  const int flags =
      CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS;
  must(clone(child, stack + sizeof stack, flags, &shared, &pidfd), "clone");
  must(waitid((idtype_t)P_OF_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL), "waitid");
  close(pidfd);
  expect_writable(shared.mount);
  const uint64_t id = mount_id(shared.mount);
  const ino_t lease = guarded ? publish_lease(work, draft, id) : 0;

  close(shared.mount);
  close(shared.user);
  sync_and_unmark(upper, work, 0);
  if (guarded) remove_lease(work, lease);
  if (guarded) {
    close(locks[0]);
    close(locks[1]);
  }
  close(lower);
  close(upper);
  close(work);
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fputs("usage: floor-mount MODE DIR CYCLES OPTION...\n", stderr);
    return 2;
  }
  const char* const mode = argv[1];
  const int in_child = strncmp(mode, "rootless", 8) == 0;
  const int guarded = strstr(mode, "guarded") != NULL;
  const long cycles = atol(argv[3]);
  options = argv + 4;
  option_count = argc - 4;
  for (int i = 0; i < option_count; ++i) is_volatile |= strcmp(options[i], "volatile") == 0;
  if (chdir(argv[2]) != 0) die(argv[2]);
  // Printed at the end, so that nothing is written meanwhile.
  long* took = malloc(sizeof *took * (size_t)(cycles > 0 ? cycles : 1));
  if (took == NULL) die("malloc");
  for (long i = 0; i < cycles; ++i) {
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    (in_child ? rootless : attached)(guarded);
    clock_gettime(CLOCK_MONOTONIC, &end);
    took[i] = (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec;
  }
  for (long i = 0; i < cycles; ++i) printf("%ld\n", took[i]);
  return 0;
}
