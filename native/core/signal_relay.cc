#include "core/signal_relay.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <utility>

namespace ovl {

namespace {

constexpr long kPidfdSendSignal = 424;

// A handler has no other way to know.
std::atomic<int> target = -1;
std::atomic<uint64_t> waiting = 0;  // a bit for each signal
static_assert(std::atomic<int>::is_always_lock_free);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

struct Replaced {
  int signal;
  struct sigaction before;
};

// Never destroyed: a worker may still be there while the process ends.
std::mutex& Lock() {
  static auto& lock = *new std::mutex;
  return lock;
}

std::vector<Replaced>& Before() {
  static auto& before = *new std::vector<Replaced>;
  return before;
}

void SendWaiting() {
  const int pidfd = target.load();
  if (pidfd < 0) return;
  const uint64_t all = waiting.exchange(0);
  for (int signal = 1; signal < 64; ++signal) {
    if ((all & (uint64_t{1} << signal)) == 0) continue;
    // Fails for a program that has ended.
    (void)::syscall(kPidfdSendSignal, pidfd, signal, nullptr, 0);
  }
}

// A terminal that hangs up tells the leader of its session and nobody else (kernel: __tty_hangup),
// and this one stays, so that the others are not told for its end either.
bool ToldAlone(int signal) { return signal == SIGHUP && ::getsid(0) == ::getpid(); }

void Relay(int signal, siginfo_t* info, void* context) {
  (void)context;
  const bool from_kernel = info != nullptr && info->si_code > 0;
  if (from_kernel && !ToldAlone(signal)) return;
  const int err = errno;
  waiting.fetch_or(uint64_t{1} << signal);
  SendWaiting();  // or AimRelay does, whichever comes later
  errno = err;
}

void Restore() {
  for (const Replaced& each : Before()) (void)::sigaction(each.signal, &each.before, nullptr);
  Before().clear();
  target.store(-1);
  waiting.store(0);
}

}  // namespace

Status StartRelay(const std::vector<int>& signals) {
  const std::lock_guard lock(Lock());
  if (!Before().empty()) return Refusal(EBUSY, "sigaction", "signals-relayed");
  for (const int signal : signals) {
    struct sigaction relay {};
    relay.sa_sigaction = Relay;
    relay.sa_flags = SA_SIGINFO | SA_RESTART;
    Replaced replaced{signal, {}};
    if (::sigaction(signal, &relay, &replaced.before) != 0) {
      Failure failure = Errno("sigaction");
      Restore();
      return failure;
    }
    Before().push_back(replaced);
  }
  return Done{};
}

void AimRelay(int pidfd) {
  target.store(pidfd);
  SendWaiting();
}

void StopRelay() {
  const std::lock_guard lock(Lock());
  Restore();
}

}  // namespace ovl
