#include "core/descendants.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace ovl {

namespace {

constexpr long kPidfdSendSignal = 424;
constexpr long kPidfdOpen = 434;

// As the kernel fills it in.
struct LinuxDirent {
  uint64_t ino;
  int64_t off;
  uint16_t length;
  uint8_t type;
  char name[1];
};
constexpr size_t kNameOffset = 19;  // without the padding at the end of the struct

// 0 where it is no number.
pid_t ToPid(const char* text) {
  pid_t pid = 0;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9' || pid > 400'000'000) return 0;
    pid = pid * 10 + (*text - '0');
  }
  return pid;
}

// "<pid>/stat". No formatting function: they may allocate.
void StatName(pid_t pid, char (&name)[24]) {
  char digits[12];
  size_t count = 0;
  for (; pid > 0; pid /= 10) digits[count++] = static_cast<char>('0' + pid % 10);
  size_t at = 0;
  while (count > 0) name[at++] = digits[--count];
  std::memcpy(name + at, "/stat", sizeof "/stat");
}

// The parent in the text of a "stat": after the name, which may hold any byte and is closed by the
// last parenthesis, come the state and the parent. 0 where it has ended or does not say.
pid_t ParentIn(const char* text) {
  const char* at = std::strrchr(text, ')');
  if (at == nullptr || std::strlen(at) < 5) return 0;
  const char state = at[2];
  if (state == 'Z' || state == 'X') return 0;
  pid_t parent = 0;
  for (at += 4; *at >= '0' && *at <= '9'; ++at) parent = parent * 10 + (*at - '0');
  return parent;
}

pid_t ParentOf(int proc, pid_t pid) {
  char name[24];
  StatName(pid, name);
  const int fd = ::openat(proc, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[512];
  const ssize_t n = ::read(fd, text, sizeof text - 1);
  (void)::close(fd);
  if (n <= 0) return 0;
  text[n] = '\0';
  return ParentIn(text);
}

bool IsBelow(int proc, pid_t pid, pid_t root) {
  // A chain cannot be longer than there are processes; one that is read while processes end could
  // lead in a circle.
  constexpr int kLongest = 65536;
  for (int i = 0; i < kLongest && pid > 1; ++i) {
    pid = ParentOf(proc, pid);
    if (pid == root) return true;
  }
  return false;
}

// Held by a descriptor before it is looked at, so that no other process can have its number.
void SignalIfBelow(int proc, pid_t pid, pid_t root, int signal) {
  if (pid == root) return;
  const int fd = static_cast<int>(::syscall(kPidfdOpen, pid, 0));
  if (fd < 0) return;  // it has ended
  if (IsBelow(proc, pid, root)) {
    (void)::syscall(kPidfdSendSignal, fd, signal, nullptr, 0);  // fails for what has just ended
  }
  (void)::close(fd);
}

}  // namespace

bool SignalDescendants(int proc, pid_t root, int signal, ProcessNames& names) {
  if (::lseek(proc, 0, SEEK_SET) < 0) return false;
  for (;;) {
    const long n = ::syscall(SYS_getdents64, proc, names.bytes, sizeof names.bytes);
    if (n < 0) return false;
    if (n == 0) return true;
    for (long at = 0; at < n;) {
      const char* const entry = names.bytes + at;
      uint16_t length = 0;
      std::memcpy(&length, entry + offsetof(LinuxDirent, length), sizeof length);
      const pid_t pid = ToPid(entry + kNameOffset);
      if (pid > 0) SignalIfBelow(proc, pid, root, signal);
      at += length;
    }
  }
}

}  // namespace ovl
