#include "core/view_child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "core/raw_calls.h"

namespace ovl {

namespace {

constexpr long kCloseRange = 436;
constexpr unsigned kCloseRangeCloexec = 4;

constexpr unsigned kCloneTree = 1;      // OPEN_TREE_CLONE
constexpr unsigned kFromEmptyPath = 4;  // MOVE_MOUNT_F_EMPTY_PATH

bool Did(ViewChild& child, ViewStep step, bool good) {
  if (good) return true;
  child.failed = step;
  child.err = errno;
  return false;
}

// An ignored signal stays ignored in a program (Node.js ignores SIGPIPE, for which a shell pipeline
// has a use), and a handler would run in our copy of the parent's memory as soon as one is let in.
void MakeSignalsOrdinary() {
  struct sigaction ordinary {};
  ordinary.sa_handler = SIG_DFL;
  // Refused for SIGKILL, SIGSTOP and those that the C library keeps for itself, which it gives no
  // handler a program would inherit.
  for (int signal = 1; signal < NSIG; ++signal) (void)::sigaction(signal, &ordinary, nullptr);
}

bool Join(ViewChild& child) {
  return Did(child, ViewStep::kJoin, ::setns(child.user_namespace, CLONE_NEWUSER) == 0);
}

// A copy of the caller's mount namespace, with what is mounted now.
bool Unshare(ViewChild& child) {
  return Did(child, ViewStep::kUnshare, ::unshare(CLONE_NEWNS) == 0);
}

// Attaching uses a mount up, so it is a copy that is attached.
bool Copy(ViewChild& child, int& copy) {
  copy = raw::OpenTree(child.mount, "", kCloneTree | AT_EMPTY_PATH | O_CLOEXEC);
  return Did(child, ViewStep::kCopy, copy >= 0);
}

// Copying takes CAP_SYS_ADMIN over the own mount namespace, which who has joined the user namespace
// has only over one that he made himself. Elsewhere the copy comes first: an overlay that was
// attached meanwhile may be copied in the namespace it is attached in, and not in a copy of that.
bool CopyIntoOwnNamespace(ViewChild& child, int& copy) {
  if (child.user_namespace >= 0) return Join(child) && Unshare(child) && Copy(child, copy);
  return Copy(child, copy) && Unshare(child);
}

bool Attach(ViewChild& child) {
  int copy = -1;
  if (!CopyIntoOwnNamespace(child, copy)) return false;
  // Nothing gets out of the namespace, but unmounting outside gets in: as private mounts, what
  // others unmount would stay in use here for as long as the program runs.
  const bool slave = ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
  if (!Did(child, ViewStep::kPropagation, slave)) return false;
  return Did(child, ViewStep::kAttach,
             raw::MoveMount(copy, "", AT_FDCWD, child.at, kFromEmptyPath) == 0);
}

bool PlaceStdio(ViewChild& child) {
  // Out of the way first: one may be given the number of another.
  std::array<int, 3> from{};
  for (size_t i = 0; i < from.size(); ++i) {
    from[i] = ::fcntl(child.stdio[i], F_DUPFD_CLOEXEC, 3);
    if (!Did(child, ViewStep::kStdio, from[i] >= 0)) return false;
  }
  for (size_t i = 0; i < from.size(); ++i) {
    const int to = static_cast<int>(i);
    if (!Did(child, ViewStep::kStdio, ::dup2(from[i], to) >= 0)) return false;
    // As child_process does: programs expect to block, and what is inherited from Node.js may not.
    const int flags = ::fcntl(to, F_GETFL);
    if (!Did(child, ViewStep::kStdio, flags >= 0)) return false;
    if ((flags & O_NONBLOCK) == 0) continue;
    if (!Did(child, ViewStep::kStdio, ::fcntl(to, F_SETFL, flags & ~O_NONBLOCK) == 0)) return false;
  }
  // Node.js and we open everything close-on-exec; this is for what other addons have open, and
  // where the kernel does not know the call (before Linux 5.11) that is as child_process leaves it.
  (void)::syscall(kCloseRange, 3U, ~0U, kCloseRangeCloexec);
  return true;
}

// The rules of execvp(3), but for one: a text without "#!" is no program, and is not given to a
// shell.
void Execute(ViewChild& child) {
  bool denied = false;
  int err = ENOENT;
  for (const char* const* each = child.candidates; *each != nullptr; ++each) {
    (void)::execve(*each, child.argv, child.env);  // returns only to say why not
    err = errno;
    if (err == EACCES) {
      denied = true;  // another directory may have one that may be executed
    } else if (err == ENOENT) {
      if (::faccessat(AT_FDCWD, *each, F_OK, 0) == 0) child.program_exists = true;
    } else if (err != ENOTDIR && err != ESTALE && err != ENODEV && err != ETIMEDOUT) {
      denied = false;
      break;
    }
  }
  child.failed = ViewStep::kExecute;
  child.err = denied ? EACCES : err;
}

void Become(ViewChild& child) {
  MakeSignalsOrdinary();
  if (!Attach(child) || !PlaceStdio(child)) return;
  if (!Did(child, ViewStep::kChdir, ::chdir(child.cwd) == 0)) return;
  sigset_t none;
  (void)::sigemptyset(&none);                            // the set is valid,
  (void)::pthread_sigmask(SIG_SETMASK, &none, nullptr);  // and so is the way
  Execute(child);
}

}  // namespace

int RunViewChild(void* child) {
  Become(*static_cast<ViewChild*>(child));
  return 0;  // to clone(2), which ends the process and runs or flushes nothing: that is the
             // parent's
}

}  // namespace ovl
