#include "core/namespace_work.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <utility>

#include "core/signals_held.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

constexpr long kCloseRange = 436;

// What the copy says first; the texts follow. The names of calls and reasons are constants, which
// lie at the same address in both processes.
struct Outcome {
  bool done = false;
  int err = 0;
  const char* call = "";
  const char* reason = "";
  size_t path = 0;
  size_t dest = 0;
  size_t detail = 0;
};

void WriteAll(int fd, const void* bytes, size_t size) {
  const auto* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t n = ::write(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody listens any more
    at += n;
    size -= static_cast<size_t>(n);
  }
}

bool ReadAll(int fd, void* bytes, size_t size) {
  auto* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t n = ::read(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

void Tell(int fd, const Status& status) {
  Outcome outcome;
  outcome.done = status.ok();
  if (status.ok()) return WriteAll(fd, &outcome, sizeof outcome);
  const Failure& failure = status.failure();
  outcome.err = failure.err;
  outcome.call = failure.call;
  outcome.reason = failure.reason;
  outcome.path = failure.path.size();
  outcome.dest = failure.dest.size();
  outcome.detail = failure.detail.size();
  WriteAll(fd, &outcome, sizeof outcome);
  for (const std::string* text : {&failure.path, &failure.dest, &failure.detail}) {
    WriteAll(fd, text->data(), text->size());
  }
}

Status Hear(int fd) {
  Failure killed = Refusal(EINTR, "fork", "child-killed");
  Outcome outcome;
  if (!ReadAll(fd, &outcome, sizeof outcome)) return killed;
  if (outcome.done) return Done{};
  Failure failure = Refusal(outcome.err, outcome.call, outcome.reason);
  failure.path.resize(outcome.path);
  failure.dest.resize(outcome.dest);
  failure.detail.resize(outcome.detail);
  for (std::string* text : {&failure.path, &failure.dest, &failure.detail}) {
    if (!ReadAll(fd, text->data(), text->size())) return killed;
  }
  return failure;
}

// The copies would keep locks, and what others close meanwhile. Where the kernel does not know the
// call (before Linux 5.9) they stay until the work is done.
void CloseAllBut(int a, int b) {
  const auto low = static_cast<unsigned>(std::min(a, b));
  const auto high = static_cast<unsigned>(std::max(a, b));
  if (low > 3) (void)::syscall(kCloseRange, 3U, low - 1, 0U);
  if (high > low + 1) (void)::syscall(kCloseRange, low + 1, high - 1, 0U);
  (void)::syscall(kCloseRange, high + 1, ~0U, 0U);
}

Status Join(int user_namespace, pid_t parent) {
  if (::setns(user_namespace, CLONE_NEWUSER) != 0) return Errno("setns", "user namespace");
  // After that, which would clear it.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Errno("prctl");
  return ::getppid() == parent ? Status(Done{}) : Refusal(ESRCH, "getppid", "");
}

}  // namespace

Status WorkInUserNamespace(int user_namespace, const std::function<Status()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Errno("pipe2");
  const UniqueFd hear(ends[0]);
  UniqueFd say(ends[1]);
  const SignalsHeld held;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Refusal(errno, "fork", errno == EAGAIN ? "process-limit" : "");
  if (pid == 0) {
    CloseAllBut(say.get(), user_namespace);
    Status status = Join(user_namespace, parent);
    if (status.ok()) status = work();
    Tell(say.get(), status);
    ::_exit(0);
  }
  say.Reset();
  auto outcome = Hear(hear.get());
  // Somebody else may have waited for it: what it has said counts.
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return outcome;
}

}  // namespace ovl
