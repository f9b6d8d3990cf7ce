#include "core/helper_program.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "core/sys_clone.h"

namespace ovl {

namespace {

constexpr size_t kMostSaid = 1024;  // bytes of a message that are kept
constexpr int64_t kKillTime = 1000;

struct HelperChild {
  const ProgramChild* program = nullptr;
  ViewFault fault;
};

int RunHelper(void* argument) {
  auto& child = *static_cast<HelperChild*>(argument);
  MakeSignalsOrdinary();
  BecomeProgram(*child.program, child.fault);
  return 0;
}

// True once the process has ended.
bool HasEnded(int pidfd, int64_t deadline) {
  for (;;) {
    const int64_t left = std::max<int64_t>(deadline - MonotonicMilliseconds(), 0);
    struct pollfd fd = {pidfd, POLLIN, 0};
    const int ready = ::poll(&fd, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

int64_t MonotonicMilliseconds() {
  struct timespec now {};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

Status HelperProgram::Start(const std::string& path, const std::vector<std::string>& args) {
  ProgramSpec spec;
  spec.file = path;
  spec.args.push_back(path);
  spec.args.insert(spec.args.end(), args.begin(), args.end());
  spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  spec.cwd = "/";
  spec.stdio[2] = kStdioPipe;
  auto prepared = program_.Prepare(std::move(spec));
  if (!prepared.ok()) return prepared;
  HelperChild child{&program_.child(), {}};
  // No exit signal: nobody else's waiting sees this child.
  auto cloned = CloneSharingMemory(0, RunHelper, &child);
  if (!cloned.ok()) return std::move(cloned.failure());
  pidfd_ = std::move(cloned.value().pidfd);
  running_ = true;
  program_.CloseItsEnds();
  errors_ = std::move(program_.TakePipes()[2]);
  // It fits into the pipe, so that it is read at the end; what the program leaves running may hold
  // the other end for longer.
  if (::fcntl(errors_.get(), F_SETFL, O_NONBLOCK) != 0) return Errno("fcntl", path);
  if (child.fault.failed != ViewStep::kNone) return ExplainFault(child.fault, program_.spec(), "");
  return Done{};
}

Status HelperProgram::Finish(int64_t deadline) {
  const bool in_time = HasEnded(pidfd_.get(), deadline);
  Listen();
  if (!in_time) {
    Kill();
    return Failed(ETIMEDOUT, "helper-slow");
  }
  auto end = WaitPidfd(pidfd_.get(), Waiting::kYes);
  running_ = false;
  if (!end.ok()) return std::move(end.failure());
  end_ = *end.value();
  if (end_.code == 0 && end_.signal == 0) return Done{};
  return Failed(EPERM, "helper-failed");
}

Status HelperProgram::Failed(int err, const char* reason) const {
  Failure failure = Refusal(err, "execve", reason, program_.spec().file);
  failure.detail = said_;
  if (said_.empty()) {
    failure.detail = err == ETIMEDOUT   ? "without a word"
                     : end_.signal != 0 ? "signal " + std::to_string(end_.signal)
                                        : "status " + std::to_string(end_.code);
  }
  return failure;
}

void HelperProgram::Listen() {
  char text[256];
  for (ssize_t n = 0; said_.size() < kMostSaid;) {
    n = ::read(errors_.get(), text, sizeof text);
    if (n <= 0) break;
    said_.append(text, static_cast<size_t>(n));
  }
  while (!said_.empty() && said_.back() == '\n') said_.pop_back();
}

void HelperProgram::Kill() {
  // Its user is ours even where it runs with more rights, so it may be killed. One that the kernel
  // cannot end now (a filesystem that does not answer) is not waited for for ever.
  if (PidfdSendSignal(pidfd_.get(), SIGKILL).ok() &&
      HasEnded(pidfd_.get(), MonotonicMilliseconds() + kKillTime)) {
    (void)WaitPidfd(pidfd_.get(), Waiting::kYes);  // how it has ended is known
  }
  running_ = false;
}

HelperProgram::~HelperProgram() {
  if (running_) Kill();
}

}  // namespace ovl
