// Processes as descriptors: nobody else's process can take the place of one that has ended.
#ifndef OVL_CORE_SYS_PIDFD_H_
#define OVL_CORE_SYS_PIDFD_H_

#include <optional>

#include "core/result.h"

namespace ovl {

// How a process ended: by itself with a code, or by a signal.
struct ProcessEnd {
  int code = -1;
  int signal = 0;
};

enum class Waiting : bool {
  kNo = false,  // WNOHANG
  kYes = true,
};

// waitid(P_PIDFD, pidfd, WEXITED | __WALL). Linux 5.4. Nothing while it runs. A child that was
// waited for is gone: it can be asked once. ECHILD with reason "reaped-elsewhere" where somebody
// else did.
Result<std::optional<ProcessEnd>> WaitPidfd(int pidfd, Waiting waiting);

// pidfd_send_signal(2). Linux 5.1.
Status PidfdSendSignal(int pidfd, int signal);

}  // namespace ovl

#endif  // OVL_CORE_SYS_PIDFD_H_
