#include "core/sandbox_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#ifdef __SANITIZE_THREAD__
// See sys_clone.cc.
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument, ...);
#define clone __clone
#endif

namespace ovl {

namespace {

constexpr long kCloseRange = 436;
constexpr int kRepeatKill = 20;  // milliseconds

bool Say(int socket, const SupervisorReport& report) {
  return ::send(socket, &report, sizeof report, MSG_NOSIGNAL) ==
         static_cast<ssize_t>(sizeof report);
}

// With the program as the sender: the kernel translates its number into the pid namespace of
// whoever receives it. Only who has CAP_SYS_ADMIN over his own may name another process.
bool SayWithSender(int socket, const SupervisorReport& report) {
  struct iovec part = {const_cast<SupervisorReport*>(&report), sizeof report};
  const struct ucred sender = {report.pid, ::getuid(), ::getgid()};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof sender)] = {};
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_CREDENTIALS;
  header->cmsg_len = CMSG_LEN(sizeof sender);
  std::memcpy(CMSG_DATA(header), &sender, sizeof sender);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof report);
}

bool SayStarted(const Supervisor& supervisor, pid_t program) {
  SupervisorReport report;
  report.kind = SupervisorReport::kStarted;
  report.pid = program;
  return supervisor.pid_namespace ? SayWithSender(supervisor.socket, report)
                                  : Say(supervisor.socket, report);
}

int RunProgramChild(void* argument) {
  auto& supervisor = *static_cast<Supervisor*>(argument);
  // If the supervisor is killed: at least the program does not go on unsupervised.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  BecomeProgram(*supervisor.program, supervisor.fault);
  return 0;
}

bool Prepare(Supervisor& supervisor) {
  MakeSignalsOrdinary();
  (void)::close(supervisor.peer);  // the copy: else nobody would see that we close ours
  if (!EnterView(supervisor.view, supervisor.fault)) return false;
  for (size_t i = 0; i < supervisor.view.count; ++i) {
    const ViewMount& each = supervisor.view.mounts[i];
    if (each.mount == kViewProc) supervisor.proc = each.copy;
  }
  (void)::prctl(PR_SET_NAME, "overlayfs run", 0, 0, 0);  // for people who read ps(1)
  const bool reaper = ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
  if (!supervisor.fault.Did(ViewStep::kSupervise, reaper)) return false;
  // After the user namespace was joined, which would clear it.
  const bool told = ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0;
  return supervisor.fault.Did(ViewStep::kSupervise, told);
}

pid_t StartProgram(Supervisor& supervisor) {
  const pid_t pid = ::clone(RunProgramChild, supervisor.program_stack,
                            CLONE_VM | CLONE_VFORK | SIGCHLD, &supervisor);
  if (!supervisor.fault.Did(ViewStep::kClone, pid > 0)) return -1;
  if (supervisor.fault.failed == ViewStep::kNone) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return -1;
}

// From here on only its own descriptors are open: those it has copies of are ours to close, and the
// pipes of the program end with the program.
bool KeepOwnDescriptors(Supervisor& supervisor) {
  const int first = static_cast<int>(supervisor.kept_count) + 2;
  // Out of the way first: one may have the number of another.
  const auto move_away = [first](int& fd) {
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, first);
    if (moved >= 0) fd = moved;  // else it is still good for saying how the program has ended
    return moved >= 0;
  };
  if (!move_away(supervisor.socket) || !move_away(supervisor.proc)) return false;
  for (size_t i = 0; i < supervisor.kept_count; ++i) {
    if (!move_away(supervisor.kept[i])) return false;
  }
  if (::dup2(supervisor.socket, 0) < 0 || ::dup2(supervisor.proc, 1) < 0) return false;
  supervisor.socket = 0;
  supervisor.proc = 1;
  for (size_t i = 0; i < supervisor.kept_count; ++i) {
    if (::dup2(supervisor.kept[i], static_cast<int>(i) + 2) < 0) return false;
  }
  return ::syscall(kCloseRange, static_cast<unsigned>(first), ~0U, 0U) == 0;
}

class Watch {
 public:
  explicit Watch(Supervisor& supervisor, pid_t program)
      : supervisor_(supervisor), program_(program), self_(::getpid()) {}

  void Run() {
    sigset_t set;
    (void)::sigemptyset(&set);
    (void)::sigaddset(&set, SIGCHLD);
    (void)::sigaddset(&set, SIGTERM);  // the thread that cloned us has ended
    signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    // Who was told to by a signal that came before it could be caught.
    bool wanted = signals_ >= 0 && ::getppid() == supervisor_.parent;
    while (wanted && Reap() && !ended_) wanted = Wait(-1);
    End();
  }

 private:
  // Until a child ends. False when it is time to end everything.
  bool Wait(int timeout) {
    struct pollfd fds[2] = {{signals_, POLLIN, 0}, {supervisor_.socket, POLLIN, 0}};
    const int ready = ::poll(fds, 2, timeout);
    if (ready < 0) return errno == EINTR;
    if (fds[1].revents != 0) gone_ = true;
    struct signalfd_siginfo info {};
    while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGTERM) gone_ = true;
    }
    return !gone_;
  }

  // False when there are no children left.
  bool Reap() {
    for (;;) {
      siginfo_t info{};
      const int done = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return false;
      if (info.si_pid == 0) return true;
      if (info.si_pid == program_) Tell(info);
    }
  }

  void Tell(const siginfo_t& info) {
    ended_ = true;
    SupervisorReport report;
    report.kind = SupervisorReport::kEnded;
    (info.si_code == CLD_EXITED ? report.code : report.signal) = info.si_status;
    (void)Say(supervisor_.socket, report);  // or nobody listens any more
  }

  void Signal(int signal) {
    // Without /proc nobody can be found; it was open when we started.
    (void)SignalDescendants(supervisor_.proc, self_, signal, supervisor_.names);
  }

  static int64_t Now() {
    struct timespec now {};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  }

  void End() {
    if (!Reap()) return;
    Signal(SIGTERM);
    Signal(SIGCONT);  // what is stopped would not see it
    const int64_t deadline = Now() + supervisor_.grace;
    for (int64_t left = supervisor_.grace; left > 0; left = deadline - Now()) {
      Pause(static_cast<int>(left));
      if (!Reap()) return;
    }
    while (Reap()) {
      Signal(SIGKILL);
      Pause(kRepeatKill);
    }
  }

  // The socket would say again and again that we are gone.
  void Pause(int timeout) {
    struct pollfd fd = {signals_, POLLIN, 0};
    (void)::poll(&fd, 1, timeout);
    struct signalfd_siginfo info {};
    while (::read(signals_, &info, sizeof info) > 0) continue;
  }

  Supervisor& supervisor_;
  pid_t program_;
  pid_t self_;
  int signals_ = -1;
  bool ended_ = false;
  bool gone_ = false;
};

// The thread that cloned us has ended, and the kernel has told so. The signal is blocked.
bool IsToldToEnd() {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGTERM) == 1;
}

// Until we have a descriptor of the program it is not waited for: its number could be another's.
// That we have ended may not be seen by the socket, of which others that are just being cloned have
// copies; nor by the parent, of which there is none in a pid namespace.
void AwaitAnswer(const Supervisor& supervisor) {
  constexpr int kLookAgain = 50;  // milliseconds
  struct pollfd fd = {supervisor.socket, POLLIN, 0};
  while (::poll(&fd, 1, kLookAgain) <= 0) {
    if (::getppid() != supervisor.parent || IsToldToEnd()) return;
  }
  char answer = 0;
  (void)::recv(supervisor.socket, &answer, 1, MSG_DONTWAIT);  // or its end, which is seen again
}

int RunSupervisor(void* argument) {
  auto& supervisor = *static_cast<Supervisor*>(argument);
  const pid_t program = Prepare(supervisor) ? StartProgram(supervisor) : -1;
  if (program < 0) {
    SupervisorReport report;
    report.kind = SupervisorReport::kNotStarted;
    (void)Say(supervisor.socket, report);  // that we are gone says the same
    return 0;
  }
  // A SIGKILL for the whole process group of the caller (`timeout -s KILL`) must leave somebody who
  // ends what the program has started in others. A group of our own in the same session would do
  // for that, but the caller's would never count as orphaned then, and Ctrl-Z would stop it where
  // nobody is there to continue it (setpgid(2)). It cannot fail: we lead no group.
  (void)::setsid();
  supervisor.fault.call = supervisor.pid_namespace ? "sendmsg" : "send";
  // Who is not told would wait for us, and we for the answer.
  const bool said = supervisor.fault.Did(ViewStep::kReport, SayStarted(supervisor, program));
  if (said) AwaitAnswer(supervisor);
  const bool kept = KeepOwnDescriptors(supervisor);
  if (!said || !kept) supervisor.parent = -1;  // then it all ends at once
  (void)::chdir("/");                          // what we were in may be unmounted
  Watch(supervisor, program).Run();
  return 0;
}

}  // namespace

int StartSupervisor(Supervisor& supervisor) {
  // No exit signal: nobody else's waiting sees this child.
  const pid_t first = ::clone(RunSupervisor, supervisor.first_stack, CLONE_VM, &supervisor);
  if (first < 0) return errno;
  supervisor.first = first;
  return 0;
}

int StartInPidNamespace(void* argument) {
  auto& supervisor = *static_cast<Supervisor*>(argument);
  const bool joins = supervisor.view.user_namespace >= 0;
  if (joins && !JoinUserNamespace(supervisor.view, supervisor.fault)) return 0;
  supervisor.view.joined = joins;
  supervisor.parent = 0;  // who is outside of a pid namespace has no number in it
  // Without CLONE_VFORK: both run on for a moment, and neither makes a call that may fail.
  const pid_t first = ::clone(RunSupervisor, supervisor.first_stack,
                              CLONE_VM | CLONE_NEWPID | CLONE_PARENT | CLONE_PARENT_SETTID,
                              &supervisor, &supervisor.first);
  if (first < 0) (void)supervisor.fault.Did(ViewStep::kPidNamespace, false);
  return 0;
}

}  // namespace ovl
