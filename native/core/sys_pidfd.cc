#include "core/sys_pidfd.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ovl {

namespace {

// The headers of the distributions we build on are older than the calls; the numbers are the same
// on every architecture.
constexpr long kPidfdSendSignal = 424;
constexpr int kIdTypePidfd = 3;  // P_PIDFD

}  // namespace

Result<std::optional<ProcessEnd>> WaitPidfd(int pidfd, Waiting waiting) {
  const int options = WEXITED | __WALL | (waiting == Waiting::kYes ? 0 : WNOHANG);
  siginfo_t info{};
  while (::waitid(static_cast<idtype_t>(kIdTypePidfd), static_cast<id_t>(pidfd), &info, options) !=
         0) {
    if (errno == EINTR) continue;
    const bool gone = errno == ECHILD;
    Failure failure = Errno("waitid");
    if (gone) failure.reason = "reaped-elsewhere";
    return failure;
  }
  if (info.si_pid == 0) return std::optional<ProcessEnd>();
  if (info.si_code == CLD_EXITED) return std::optional<ProcessEnd>({info.si_status, 0});
  return std::optional<ProcessEnd>({-1, info.si_status});
}

Status PidfdSendSignal(int pidfd, int signal) {
  if (::syscall(kPidfdSendSignal, pidfd, signal, nullptr, 0) != 0) {
    return Errno("pidfd_send_signal");
  }
  return Done{};
}

}  // namespace ovl
