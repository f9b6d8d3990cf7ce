#include "core/sys_proc.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/unique_fd.h"

namespace ovl {

Result<std::vector<pid_t>> ListProcesses() {
  auto proc = OpenDirectory("/proc");
  if (!proc.ok()) return std::move(proc.failure());
  std::vector<pid_t> pids;
  const auto visit = [&pids](const DirEntry& entry) {
    pid_t pid = 0;
    const char* const end = entry.name.data() + entry.name.size();
    const auto [at, error] = std::from_chars(entry.name.data(), end, pid);
    if (error == std::errc() && at == end) pids.push_back(pid);
  };
  for (;;) {
    const auto more = ReadSomeEntries(proc.value().get(), visit);
    if (!more.ok()) return more.failure();
    if (!more.value()) break;
  }
  if (pids.empty()) return Refusal(ENOENT, "getdents64", "no-proc", "/proc");
  return pids;
}

Result<std::string> ReadProcFile(int dir, const std::string& name) {
  const UniqueFd fd(::openat(dir, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Errno("openat", name);
  std::string text;
  size_t used = 0;
  for (;;) {
    text.resize(used + 4096);
    const ssize_t n = ::read(fd.get(), text.data() + used, text.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("read", name);
    if (n == 0) break;
    used += static_cast<size_t>(n);
  }
  text.resize(used);
  return text;
}

bool HoldsNothing(int dir, const std::string& stat) {
  constexpr uint64_t kKernelThread = 0x0020'0000;  // PF_KTHREAD
  const auto text = ReadProcFile(dir, stat);
  if (!text.ok()) return text.failure().err == ESRCH || text.failure().err == ENOENT;
  // "pid (comm) state ppid pgrp session tty tpgid flags ..."; comm may hold anything.
  const size_t comm_end = text.value().rfind(')');
  if (comm_end == std::string::npos || comm_end + 2 >= text.value().size()) return false;
  std::string_view rest = std::string_view(text.value()).substr(comm_end + 2);
  if (rest.front() == 'Z' || rest.front() == 'X') return true;
  for (int field = 0; field < 6; ++field) rest.remove_prefix(rest.find(' ') + 1);
  uint64_t flags = 0;
  (void)std::from_chars(rest.data(), rest.data() + rest.size(), flags);  // else 0: a process
  return (flags & kKernelThread) != 0;
}

}  // namespace ovl
