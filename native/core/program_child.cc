#include "core/program_child.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace ovl {

namespace {

constexpr long kCloseRange = 436;
constexpr unsigned kCloseRangeCloexec = 4;
constexpr uint64_t kNoexec = 8;  // ST_NOEXEC

bool PlaceStdio(const ProgramChild& program, ViewFault& fault) {
  // Out of the way first: one may be given the number of another.
  std::array<int, 3> from{};
  for (size_t i = 0; i < from.size(); ++i) {
    from[i] = ::fcntl(program.stdio[i], F_DUPFD_CLOEXEC, 3);
    if (!fault.Did(ViewStep::kStdioFlags, from[i] >= 0)) return false;
  }
  for (size_t i = 0; i < from.size(); ++i) {
    const int to = static_cast<int>(i);
    if (!fault.Did(ViewStep::kStdio, ::dup2(from[i], to) >= 0)) return false;
    // As child_process does: programs expect to block, and what is inherited from Node.js may not.
    const int flags = ::fcntl(to, F_GETFL);
    if (!fault.Did(ViewStep::kStdioFlags, flags >= 0)) return false;
    if ((flags & O_NONBLOCK) == 0) continue;
    const bool blocking = ::fcntl(to, F_SETFL, flags & ~O_NONBLOCK) == 0;
    if (!fault.Did(ViewStep::kStdioFlags, blocking)) return false;
  }
  CloseOnExecFrom(3);
  return true;
}

ExecDenial WhyDenied(const char* path) {
  struct stat st {};
  struct statfs fs {};
  if (::stat(path, &st) != 0) return ExecDenial::kUnreachable;
  if (S_ISDIR(st.st_mode)) return ExecDenial::kDirectory;
  if (!S_ISREG(st.st_mode)) return ExecDenial::kNoFile;
  if ((st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) return ExecDenial::kMode;
  if (::statfs(path, &fs) == 0 && (static_cast<uint64_t>(fs.f_flags) & kNoexec) != 0) {
    return ExecDenial::kNoexec;
  }
  // If not the program, what its first line names, or its loader.
  const bool allowed = ::faccessat(AT_FDCWD, path, X_OK, 0) == 0;
  return allowed ? ExecDenial::kInterpreter : ExecDenial::kUser;
}

// The rules of execvp(3), but for two: a text without "#!" is no program, and is not given to a
// shell; and a directory of PATH that may not be searched has no program, as for a shell.
void Execute(const ProgramChild& program, ViewFault& fault) {
  bool denied = false;
  int err = ENOENT;
  for (const char* const* each = program.candidates; *each != nullptr; ++each) {
    (void)::execve(*each, program.argv, program.env);  // returns only to say why not
    err = errno;
    if (err == EACCES) {
      // Another directory may have one that may be executed.
      if (program.by_path || ::faccessat(AT_FDCWD, *each, F_OK, 0) == 0) {
        if (!denied) fault.denial = WhyDenied(*each);
        denied = true;
      }
      err = ENOENT;
    } else if (err == ENOENT) {
      if (::faccessat(AT_FDCWD, *each, F_OK, 0) == 0) fault.program_exists = true;
    } else if (err != ENOTDIR && err != ESTALE && err != ENODEV && err != ETIMEDOUT) {
      denied = false;
      break;
    }
  }
  fault.failed = ViewStep::kExecute;
  fault.err = denied ? EACCES : err;
}

}  // namespace

// An ignored signal stays ignored in a program (Node.js ignores SIGPIPE, for which a shell pipeline
// has a use), and a handler would run in our copy of the parent's memory as soon as one is let in.
void MakeSignalsOrdinary() {
  struct sigaction ordinary {};
  ordinary.sa_handler = SIG_DFL;
  // Refused for SIGKILL, SIGSTOP and those that the C library keeps for itself, which it gives no
  // handler a program would inherit.
  for (int signal = 1; signal < NSIG; ++signal) (void)::sigaction(signal, &ordinary, nullptr);
}

void CloseOnExecFrom(unsigned first) {
  // Node.js and we open everything close-on-exec; this is for what other addons have open, and
  // where the kernel does not know the call (before Linux 5.11) that is as child_process leaves it.
  (void)::syscall(kCloseRange, first, ~0U, kCloseRangeCloexec);
}

void BecomeProgram(const ProgramChild& program, ViewFault& fault) {
  if (!PlaceStdio(program, fault)) return;
  if (!fault.Did(ViewStep::kChdir, ::chdir(program.cwd) == 0)) return;
  sigset_t none;
  (void)::sigemptyset(&none);                            // the set is valid,
  (void)::pthread_sigmask(SIG_SETMASK, &none, nullptr);  // and so is the way
  Execute(program, fault);
}

}  // namespace ovl
