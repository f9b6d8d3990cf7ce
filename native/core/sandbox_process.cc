#include "core/sandbox_process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "core/child_stack.h"
#include "core/sandbox_supervisor.h"
#include "core/signals_held.h"
#include "core/sys_clone.h"

namespace ovl {

namespace {

constexpr long kPidfdOpen = 434;
constexpr size_t kThreadStack = 256 * 1024;

// Everything the supervisor works with. It belongs to the thread that sleeps as long as that lives.
struct Supervision {
  explicit Supervision(SandboxSpec given) : spec(std::move(given)) {}

  SandboxSpec spec;
  PreparedProgram program;
  ChildStack program_stack;
  ChildStack first_stack;  // of the supervisor
  std::vector<ViewMount> mounts;
  UniqueFd proc;
  UniqueFd socket;  // the supervisor's end; ours is open until it was waited for
  Supervisor supervisor;
  Failure not_cloned;  // with an empty call: it was
};

// One of another pid namespace numbers processes otherwise: nobody could be found by it, or
// somebody else.
Status CheckOwnProc(int proc) {
  char text[32] = {};
  const ssize_t n = ::readlinkat(proc, "self", text, sizeof text - 1);
  if (n > 0 && std::to_string(::getpid()) == text) return Done{};
  const int err = n < 0 ? errno : ESRCH;
  return Refusal(err, "readlinkat", "proc-of-others", "/proc/self");
}

Status OpenProc(Supervision& all) {
  all.proc = UniqueFd(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!all.proc) {
    Failure failure = Errno("open", "/proc");
    failure.reason = "no-proc";
    return failure;
  }
  return CheckOwnProc(all.proc.get());
}

Status PreparePidNamespace(Supervision& all) {
  // Messages then say who has sent them: see SayWithSender.
  const int yes = 1;
  if (::setsockopt(all.supervisor.peer, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) {
    return Errno("setsockopt", "supervisor");
  }
  return Done{};
}

Status Prepare(Supervision& all) {
  SandboxSpec& spec = all.spec;
  auto prepared = all.program.Prepare(spec);
  if (!prepared.ok()) return prepared;
  auto opened = all.program_stack.Open();
  if (opened.ok()) opened = all.first_stack.Open();
  if (!opened.ok()) return opened;
  for (const SandboxMount& each : spec.mounts) {
    all.mounts.push_back({each.mount, each.at.c_str(), -1});
    all.supervisor.pid_namespace |= each.mount == kViewProc;
  }
  auto known = all.supervisor.pid_namespace ? PreparePidNamespace(all) : OpenProc(all);
  if (!known.ok()) return known;
  Supervisor& supervisor = all.supervisor;
  supervisor.view = {spec.user_namespace, false, spec.network, all.mounts.data(),
                     all.mounts.size()};
  supervisor.program = &all.program.child();
  supervisor.program_stack = all.program_stack.top();
  supervisor.first_stack = all.first_stack.top();
  supervisor.parent = ::getpid();
  supervisor.socket = all.socket.get();
  supervisor.proc = all.proc.get();
  supervisor.kept = spec.kept.data();
  supervisor.kept_count = spec.kept.size();
  supervisor.grace = spec.grace;
  return Done{};
}

// It has this thread's errno as well, and what it works with, so nothing else is done here while it
// lives: not even waitid(3), which has its own books for pthread_cancel(3). Its number is its own
// until it was waited for.
void AwaitFirst(pid_t first) {
  siginfo_t info{};
  if (first <= 0) return;
  while (::syscall(SYS_waitid, P_PID, first, &info, WEXITED | __WALL, nullptr) < 0) {
    if (errno == ECHILD) return;  // any other number, and it still works with what is ours
  }
}

Failure NotCloned(int err) { return Refusal(err, "clone", err == EAGAIN ? "process-limit" : ""); }

// Sleeps until the supervisor has ended; that it is waited for here means that its namespace is
// gone when the socket says so. Not in clone(CLONE_VFORK): who sleeps there cannot be stopped, so
// that the shell of a user who types Ctrl-Z would wait for a stop that never comes.
void* Supervise(void* argument) {
  std::unique_ptr<std::shared_ptr<Supervision>> held(
      static_cast<std::shared_ptr<Supervision>*>(argument));
  Supervision& all = **held;
  {
    if (!all.supervisor.pid_namespace) {
      const int err = StartSupervisor(all.supervisor);
      if (err != 0) all.not_cloned = NotCloned(err);
    } else {
      // No exit signal: nobody else's waiting sees this child.
      auto cloned = CloneSharingMemory(0, StartInPidNamespace, &all.supervisor);
      if (!cloned.ok()) {
        all.not_cloned = std::move(cloned.failure());
      } else {
        // How it has ended tells nothing more.
        (void)WaitPidfd(cloned.value().pidfd.get(), Waiting::kYes);
      }
    }
    AwaitFirst(all.supervisor.first);
  }
  // Who reads that everything is gone finds nothing of ours left either.
  const UniqueFd socket = std::move(all.socket);
  held.reset();
  return nullptr;
}

Status StartThread(const std::shared_ptr<Supervision>& all) {
  auto held = std::make_unique<std::shared_ptr<Supervision>>(all);
  pthread_attr_t attributes;
  int err = ::pthread_attr_init(&attributes);
  if (err != 0) return Refusal(err, "pthread_create", "");
  (void)::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);  // a valid state
  (void)::pthread_attr_setstacksize(&attributes, kThreadStack);  // else it gets the default
  {
    // It takes no signals: a process-wide one that chose this thread would wait as long as it does.
    const SignalsHeld signals;
    pthread_t thread{};
    err = ::pthread_create(&thread, &attributes, Supervise, held.get());
  }
  (void)::pthread_attr_destroy(&attributes);
  if (err != 0) return Refusal(err, "pthread_create", err == EAGAIN ? "process-limit" : "");
  (void)held.release();
  return Done{};
}

// As a number of this pid namespace, where the message has a sender.
void TakeSender(struct msghdr& message, SupervisorReport& report) {
  const struct cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (report.kind != SupervisorReport::kStarted || header == nullptr) return;
  struct ucred sender {};
  if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) return;
  std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
  report.pid = sender.pid;
}

// False at the end.
Result<bool> Receive(int socket, SupervisorReport& report, int flags) {
  struct iovec part = {&report, sizeof report};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
  for (;;) {
    struct msghdr message {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(socket, &message, flags);
    if (n == static_cast<ssize_t>(sizeof report)) {
      TakeSender(message, report);
      return true;
    }
    if (n >= 0) return false;
    if (errno != EINTR) return Errno("recvmsg", "supervisor");
  }
}

Failure WhyNot(const Supervision& all) {
  if (all.not_cloned.call[0] != '\0') return all.not_cloned;
  const ViewFault& fault = all.supervisor.fault;
  if (fault.failed == ViewStep::kNone) return Refusal(EINTR, "clone", "child-killed");
  const bool named = fault.mount < all.spec.mounts.size();
  return ExplainFault(fault, all.program.spec(),
                      named ? all.spec.mounts[fault.mount].at : std::string());
}

}  // namespace

Result<SandboxProcess> StartInSandbox(SandboxSpec spec) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return Errno("socketpair");
  }
  SandboxProcess process;
  process.reports = UniqueFd(ends[0]);
  auto all = std::make_shared<Supervision>(std::move(spec));
  all->socket = UniqueFd(ends[1]);
  all->supervisor.peer = process.reports.get();
  auto prepared = Prepare(*all);
  if (!prepared.ok()) return std::move(prepared.failure());
  auto threaded = StartThread(all);
  if (!threaded.ok()) return std::move(threaded.failure());

  SupervisorReport report;
  auto received = Receive(process.reports.get(), report, 0);
  if (!received.ok()) return std::move(received.failure());
  if (!received.value() || report.kind != SupervisorReport::kStarted) {
    // Until it is gone: it may still have what the caller is about to close.
    while (received.ok() && received.value()) {
      received = Receive(process.reports.get(), report, 0);
    }
    return WhyNot(*all);
  }
  process.pid = report.pid;
  process.pidfd = UniqueFd(static_cast<int>(::syscall(kPidfdOpen, report.pid, 0)));
  if (!process.pidfd) return Errno("pidfd_open");  // the socket is closed, and everything ends
  const char answer = 0;
  if (::send(process.reports.get(), &answer, 1, MSG_NOSIGNAL) != 1) {
    return Errno("send", "supervisor");
  }
  all->program.CloseItsEnds();
  process.pipes = all->program.TakePipes();
  return process;
}

Result<SandboxReport> ReadReport(int reports) {
  SupervisorReport said;
  auto received = Receive(reports, said, MSG_DONTWAIT);
  SandboxReport report;
  if (!received.ok()) {
    if (received.failure().err == EAGAIN) return report;
    return std::move(received.failure());
  }
  report.kind = received.value() ? SandboxReport::Kind::kEnded : SandboxReport::Kind::kGone;
  report.end = {said.signal == 0 ? said.code : -1, said.signal};
  return report;
}

Status EndSandbox(int reports) {
  // What the supervisor waits for on its end. One that has ended is no failure.
  if (::shutdown(reports, SHUT_WR) != 0 && errno != ENOTCONN)
    return Errno("shutdown", "supervisor");
  return Done{};
}

}  // namespace ovl
