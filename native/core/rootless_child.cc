#include "core/rootless_child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "core/sys_clone.h"
#include "core/sys_pidfd.h"

namespace ovl {

namespace {

constexpr const char* kSetgroups = "/proc/self/setgroups";
constexpr const char* kUidMap = "/proc/self/uid_map";
constexpr const char* kGidMap = "/proc/self/gid_map";
constexpr const char* kUserNamespace = "/proc/self/ns/user";

// What parent and child have in common; the texts are made before.
struct Shared {
  void (*work)(void*) = nullptr;
  void* argument = nullptr;
  std::string_view uid_map;
  std::string_view gid_map;
  int joined = -1;  // a user namespace, instead of a new one
  int user = -1;
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

// Identity, so that what stat(2) says of owners is what the caller knows. A group may be mapped
// only by who has given up setgroups(2): else a group that takes permissions away could be dropped.
bool SetUp(Shared& shared) {
  if (!WriteTo(shared, kSetgroups, "deny")) return false;
  if (!WriteTo(shared, kUidMap, shared.uid_map)) return false;
  if (!WriteTo(shared, kGidMap, shared.gid_map)) return false;
  shared.user = ::open(kUserNamespace, O_RDONLY | O_CLOEXEC);
  if (shared.user < 0) return Failed(shared, "open", kUserNamespace);
  return true;
}

// The mount namespace is a new one in any case: what was mounted by fsmount(2) in a namespace of
// this user namespace can be used in every other.
bool Join(Shared& shared) {
  if (::setns(shared.joined, CLONE_NEWUSER) != 0) return Failed(shared, "setns", kUserNamespace);
  if (::unshare(CLONE_NEWNS) != 0) return Failed(shared, "unshare", "mount namespace");
  return true;
}

int Child(void* argument) {
  Shared& shared = *static_cast<Shared*>(argument);
  if (shared.joined >= 0 ? Join(shared) : SetUp(shared)) {
    shared.ready = true;
    shared.work(shared.argument);
  }
  // It ends when this returns (clone(2)), with nothing run at its exit: not even what a sanitizer
  // adds to _exit, which would be done to our memory.
  return 0;
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

// Who is user 0 maps it only with CAP_SETFCAP (Linux 5.12): root whom a container has left nothing.
bool IsRootRefused(const Failure& failure) {
  return failure.err == EPERM && ::geteuid() == 0 && failure.path == kUidMap;
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
  } else if (IsRootRefused(failure)) {
    failure.reason = "userns-root-refused";
  } else if (failure.err == EACCES && ::prctl(PR_GET_DUMPABLE) != 1) {
    failure.reason = "not-dumpable";
  }
  return failure;
}

std::string IdentityMap(uint32_t id) {
  const std::string text = std::to_string(id);
  return text + " " + text + " 1";
}

Status CloneAndWait(Shared& shared) {
  // No exit signal: nobody else's waiting sees this child.
  const int fresh = shared.joined < 0 ? CLONE_NEWUSER | CLONE_NEWNS : 0;
  auto child = CloneSharingMemory(CLONE_FILES | fresh, Child, &shared);
  if (!child.ok()) {
    child.failure().path = "user namespace";
    return std::move(child.failure());
  }
  auto end = WaitPidfd(child.value().pidfd.get(), Waiting::kYes);
  if (!end.ok()) return std::move(end.failure());
  if (end.value()->signal != 0) return Refusal(EINTR, "clone", "child-killed");
  return Done{};
}

}  // namespace

Result<UniqueFd> InRootlessChild(void (*work)(void*), void* argument) {
  const std::string uid_map = IdentityMap(::geteuid());
  const std::string gid_map = IdentityMap(::getegid());
  Shared shared;
  shared.work = work;
  shared.argument = argument;
  shared.uid_map = uid_map;
  shared.gid_map = gid_map;
  auto status = CloneAndWait(shared);
  UniqueFd user_namespace(shared.user);
  if (!status.ok()) return Explained(std::move(status.failure()));
  if (!shared.ready) return Explained(Refusal(shared.err, shared.call, "", shared.path));
  return user_namespace;
}

Status InUserNamespaceOf(int user_namespace, void (*work)(void*), void* argument) {
  Shared shared;
  shared.work = work;
  shared.argument = argument;
  shared.joined = user_namespace;
  auto status = CloneAndWait(shared);
  if (!status.ok()) return status;
  if (!shared.ready) return Explained(Refusal(shared.err, shared.call, "", shared.path));
  return Done{};
}

}  // namespace ovl
