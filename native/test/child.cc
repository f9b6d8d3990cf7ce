#include "test/child.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "test/check.h"

namespace {

bool WriteFile(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return ::close(fd) == 0 && written;
}

bool MakePrivate() { return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0; }

}  // namespace

Child::Child(const std::function<void(const Child&)>& body) {
  int to_test[2];
  int to_child[2];
  if (!CHECK(::pipe2(to_test, O_CLOEXEC) == 0) || !CHECK(::pipe2(to_child, O_CLOEXEC) == 0)) return;
  (void)std::fflush(stdout);  // or the child prints it again
  pid_ = ::fork();
  if (!CHECK(pid_ >= 0)) return;
  const bool in_child = pid_ == 0;
  hear_ = in_child ? to_child[0] : to_test[0];
  say_ = in_child ? to_test[1] : to_child[1];
  (void)::close(in_child ? to_test[0] : to_child[0]);
  (void)::close(in_child ? to_child[1] : to_test[1]);
  if (!in_child) return;
  (void)std::signal(SIGPIPE, SIG_IGN);
  body(*this);
  (void)std::fflush(stdout);
  ::_exit(0);
}

Child::~Child() {
  Kill();
  (void)::close(hear_);
  (void)::close(say_);
}

void Child::Say(std::string_view line) const {
  const std::string text = std::string(line) + "\n";
  (void)!::write(say_, text.data(), text.size());  // the test finds out that it hears nothing
}

void Child::Pause() const {
  char byte;
  (void)!::read(hear_, &byte, 1);  // the end of the test counts as well
}

std::string Child::Hear() const {
  std::string line;
  char byte;
  while (::read(hear_, &byte, 1) == 1 && byte != '\n') line.push_back(byte);
  return line;
}

void Child::Continue() const { CHECK(::write(say_, "\n", 1) == 1); }

void Child::Kill() {
  if (pid_ <= 0) return;
  (void)::kill(pid_, SIGKILL);  // it may have ended
  CHECK_EQ(::waitpid(pid_, nullptr, 0), pid_);
  pid_ = -1;
}

bool BecomeOrdinaryUser() {
  return ::setgroups(0, nullptr) == 0 &&
         ::setresgid(kOrdinaryUser, kOrdinaryUser, kOrdinaryUser) == 0 &&
         ::setresuid(kOrdinaryUser, kOrdinaryUser, kOrdinaryUser) == 0 &&
         ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

bool EnterMountNamespace() { return ::unshare(CLONE_NEWNS) == 0 && MakePrivate(); }

bool EnterUserNamespace() {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && WriteFile("/proc/self/setgroups", "deny") &&
         WriteFile("/proc/self/uid_map", "0 " + uid + " 1") &&
         WriteFile("/proc/self/gid_map", "0 " + gid + " 1") && MakePrivate();
}
