#include "core/rootless_child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>

namespace ovl {

namespace {

constexpr size_t kStackSize = 64 * 1024;

constexpr const char* kSetgroups = "/proc/self/setgroups";
constexpr const char* kUidMap = "/proc/self/uid_map";
constexpr const char* kGidMap = "/proc/self/gid_map";
constexpr const char* kUserNamespace = "/proc/self/ns/user";
constexpr const char* kMountNamespace = "/proc/self/ns/mnt";

// What parent and child have in common; the texts are made before.
struct Shared {
  void (*work)(void*) = nullptr;
  void* argument = nullptr;
  std::string_view uid_map;
  std::string_view gid_map;
  int user = -1;
  int mount = -1;
  bool ready = false;  // the namespaces are set up, and the work was begun
  int err = 0;
  const char* call = "";
  const char* path = "";
};

bool Failed(Shared& shared, const char* call, const char* path) {
  shared.err = errno;
  shared.call = call;
  shared.path = path;
  return false;
}

bool WriteTo(Shared& shared, const char* path, std::string_view text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Failed(shared, "open", path);
  const ssize_t n = ::write(fd, text.data(), text.size());
  if (n < 0) Failed(shared, "write", path);
  (void)::close(fd);
  return n >= 0;
}

// Identity, so that what stat(2) says of owners is what the caller knows. A group may be mapped only
// by who has given up setgroups(2): else a group that takes permissions away could be dropped.
bool SetUp(Shared& shared) {
  if (!WriteTo(shared, kSetgroups, "deny")) return false;
  if (!WriteTo(shared, kUidMap, shared.uid_map)) return false;
  if (!WriteTo(shared, kGidMap, shared.gid_map)) return false;
  shared.user = ::open(kUserNamespace, O_RDONLY | O_CLOEXEC);
  if (shared.user < 0) return Failed(shared, "open", kUserNamespace);
  shared.mount = ::open(kMountNamespace, O_RDONLY | O_CLOEXEC);
  if (shared.mount < 0) return Failed(shared, "open", kMountNamespace);
  return true;
}

int Child(void* argument) {
  Shared& shared = *static_cast<Shared*>(argument);
  if (SetUp(shared)) {
    shared.ready = true;
    shared.work(shared.argument);
  }
  ::_exit(0);
}

// A switch that is known to forbid this, by its file; empty where none is set.
std::string ForbiddingSwitch() {
  const struct {
    const char* path;
    char forbids;
  } switches[] = {
      {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'},
      {"/proc/sys/kernel/unprivileged_userns_clone", '0'},
      {"/proc/sys/user/max_user_namespaces", '0'},
      {"/proc/sys/user/max_mnt_namespaces", '0'},
  };
  for (const auto& each : switches) {
    const UniqueFd fd(::open(each.path, O_RDONLY | O_CLOEXEC));
    char text[2] = {};
    if (!fd || ::read(fd.get(), text, sizeof text) < 1) continue;
    const bool whole = text[1] == '\n' || text[1] == '\0';
    if (text[0] == each.forbids && whole) return each.path;
  }
  return {};
}

Failure Explained(Failure failure) {
  const std::string forbidden = ForbiddingSwitch();
  if (!forbidden.empty()) {
    failure.reason = "userns-switched-off";
    failure.detail = forbidden;
  } else if (std::string_view(failure.call) == "clone" && failure.err == EPERM) {
    failure.reason = "userns-forbidden";
  } else if (std::string_view(failure.call) == "clone" && failure.err == ENOSPC) {
    failure.reason = "userns-exhausted";
  } else if (failure.err == EACCES && ::prctl(PR_GET_DUMPABLE) != 1) {
    failure.reason = "not-dumpable";
  }
  return failure;
}

// Signals wait while the child lives: it has copies of our handlers, which must not run in it.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

class Stack {
 public:
  Stack()
      : base_(::mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    if (ok()) (void)::munmap(base_, kStackSize);
  }
  bool ok() const { return base_ != MAP_FAILED; }
  void* top() const { return static_cast<char*>(base_) + kStackSize; }

 private:
  void* base_;
};

std::string IdentityMap(uint32_t id) {
  const std::string text = std::to_string(id);
  return text + " " + text + " 1";
}

Status CloneAndWait(Shared& shared) {
  const Stack stack;
  if (!stack.ok()) return Errno("mmap");
  const SignalsHeld held;
  // No exit signal: nobody else's waiting sees this child, and ours asks for it (__WALL).
  constexpr int kFlags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWUSER | CLONE_NEWNS;
  const pid_t pid = ::clone(Child, stack.top(), kFlags, &shared);
  if (pid < 0) return Errno("clone", "user namespace");
  int status = 0;
  while (::waitpid(pid, &status, __WALL) < 0) {
    if (errno != EINTR) return Errno("waitpid");
  }
  if (!WIFEXITED(status)) return Refusal(EINTR, "clone", "child-killed");
  return Done{};
}

}  // namespace

Result<RootlessNamespaces> InRootlessChild(void (*work)(void*), void* argument) {
  const std::string uid_map = IdentityMap(::geteuid());
  const std::string gid_map = IdentityMap(::getegid());
  Shared shared;
  shared.work = work;
  shared.argument = argument;
  shared.uid_map = uid_map;
  shared.gid_map = gid_map;
  auto status = CloneAndWait(shared);
  RootlessNamespaces namespaces{UniqueFd(shared.user), UniqueFd(shared.mount)};
  if (!status.ok()) return Explained(std::move(status.failure()));
  if (!shared.ready) {
    return Explained(Refusal(shared.err, shared.call, "", shared.path));
  }
  return namespaces;
}

}  // namespace ovl
