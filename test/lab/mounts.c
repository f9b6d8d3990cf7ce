// mount(2) and umount2(2).
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

struct flag {
  const char* word;
  unsigned long value;
};

static int parse_flags(char* text, const struct flag* known, unsigned long* flags) {
  *flags = 0;
  char* rest = NULL;
  for (char* word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
    const struct flag* flag = known;
    while (flag->word != NULL && strcmp(flag->word, word) != 0) flag++;
    if (flag->word != NULL) {
      *flags |= flag->value;
    } else {
      long long number;
      if (parse_number(word, 0, &number) < 0) return fail(EINVAL, "unknown flag %s", word);
      *flags |= (unsigned long)number;
    }
  }
  return 0;
}

// An O_PATH descriptor reached without following anything, as a path that mount(2) takes.
static int pin(const char* path, char* link, size_t size) {
  struct place at;
  if (place_open(path, &at) < 0) return -1;
  int fd = openat(at.parent, at.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  place_close(&at);
  if (fd < 0) return fail(errno, "open %s", path);
  snprintf(link, size, "/proc/self/fd/%d", fd);
  return fd;
}

int op_mount(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  static const struct flag known[] = {{"ro", MS_RDONLY},         {"nosuid", MS_NOSUID},
                                      {"nodev", MS_NODEV},       {"noexec", MS_NOEXEC},
                                      {"remount", MS_REMOUNT},   {"bind", MS_BIND},
                                      {"move", MS_MOVE},         {"rec", MS_REC},
                                      {"private", MS_PRIVATE},   {"shared", MS_SHARED},
                                      {"slave", MS_SLAVE},       {"noatime", MS_NOATIME},
                                      {"relatime", MS_RELATIME}, {NULL, 0}};
  unsigned long flags;
  if (parse_flags(argv[4], known, &flags) < 0) return -1;
  const char* source = argv[1];
  char source_link[64];
  int source_fd = -1;
  if ((flags & (MS_BIND | MS_MOVE)) != 0 && (flags & MS_REMOUNT) == 0) {
    source_fd = pin(argv[1], source_link, sizeof source_link);
    if (source_fd < 0) return -1;
    source = source_link;
  }
  char target_link[64];
  int target_fd = pin(argv[2], target_link, sizeof target_link);
  int result = -1;
  if (target_fd >= 0) {
    result = mount(source, target_link, argv[3], flags, argv[5][0] != '\0' ? argv[5] : NULL);
    if (result < 0) fail(errno, "mount %s", argv[2]);
    close(target_fd);
  }
  if (source_fd >= 0) close(source_fd);
  return result;
}

int op_umount(int argc, char** argv, struct bytes* out) {
  (void)out;
  static const struct flag known[] = {
      {"detach", MNT_DETACH}, {"force", MNT_FORCE}, {"expire", MNT_EXPIRE}, {NULL, 0}};
  unsigned long flags = 0;
  struct place at;
  if (argc > 2 && parse_flags(argv[2], known, &flags) < 0) return -1;
  if (place_open(argv[1], &at) < 0) return -1;
  // Unlike for mount(2), a descriptor of the target itself would keep it busy: go to its parent.
  int result = fchdir(at.parent);
  // Busy may be no more than a lookup of a path in it by somebody else, which passes.
  const struct timespec moment = {0, 5000000};
  for (int attempt = 0; result == 0; attempt++) {
    result = umount2(at.name, (int)flags | UMOUNT_NOFOLLOW);
    if (result == 0 || errno != EBUSY || attempt == 200) break;
    nanosleep(&moment, NULL);
    result = 0;
  }
  int error = errno;
  if (chdir("/") < 0) abort();
  place_close(&at);
  return result < 0 ? fail(error, "umount %s", argv[1]) : 0;
}
