#include "core/namespace_holder.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "core/signals_held.h"

#ifdef __SANITIZE_THREAD__
// See sys_clone.cc.
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument, ...);
#define clone __clone
#endif

namespace ovl {

// Beside the thread that cloned it, whose errno and thread-local state it shares: so calls that do
// not fail only, and none in which the C library or a sanitizer writes down anything of the thread.
// Every signal is blocked.
int NamespaceHolder::Hold(void* holder) {
  const auto& self = *static_cast<const NamespaceHolder*>(holder);
  (void)::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // known to every kernel
  if (::syscall(SYS_getppid) != self.parent_) return 0;            // it was too late for that
  for (;;) (void)::syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
}

Status NamespaceHolder::Start() {
  auto opened = stack_.Open();
  if (!opened.ok()) return opened;
  const SignalsHeld held;
  parent_ = ::getpid();
  // No exit signal: nobody else's waiting sees this child.
  pid_ = ::clone(Hold, stack_.top(), CLONE_VM | CLONE_FILES | CLONE_NEWUSER, this);
  if (pid_ < 0) return Errno("clone", "user namespace");
  return Done{};
}

Result<UniqueFd> NamespaceHolder::OpenNamespace() const {
  const std::string path = Proc("ns/user");
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  return fd;
}

NamespaceHolder::~NamespaceHolder() {
  if (pid_ <= 0) return;
  (void)::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
}

}  // namespace ovl
