#include "core/mapped_namespace.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>

#include "core/namespace_work.h"
#include "test/check.h"
#include "test/child.h"
#include "test/descriptors.h"
#include "test/tree.h"

namespace {

bool Write(const std::string& path, const std::string& text, mode_t mode = 0644) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return false;
  const bool done = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return ::fchmod(fd, mode) == 0 && ::close(fd) == 0 && done;
}

// An ordinary user in mounts of his own, in which /etc knows and grants him what is said.
bool BecomeGranted(const std::string& base, const std::string& subuid, const std::string& subgid) {
  const std::string etc = base + "/etc";
  return ::mkdir(etc.c_str(), 0755) == 0 && ::chmod(base.c_str(), 0755) == 0 &&
         Write(etc + "/passwd", "ovl:x:1000:1000::/:/bin/sh\n") && Write(etc + "/subuid", subuid) &&
         Write(etc + "/subgid", subgid) && EnterMountNamespace() &&
         ::mount(etc.c_str(), "/etc", nullptr, MS_BIND, nullptr) == 0 && BecomeOrdinaryUser();
}

constexpr const char* kGrant = "ovl:700000:10\n";

// How it ends for such a user, in one line: the reason and the detail.
std::string Outcome(const std::string& search, int milliseconds) {
  const size_t before = Descriptors();
  std::string said;
  {
    auto made = ovl::MakeMappedNamespace(search, milliseconds);
    said = made.ok() ? "made"
                     : std::string(made.failure().reason) + " " + made.failure().detail + " " +
                           made.failure().path;
  }
  if (Descriptors() != before) said += " [descriptors]";
  if (::waitpid(-1, nullptr, __WALL | WNOHANG) >= 0 || errno != ECHILD) said += " [children]";
  return said;
}

struct Case {
  std::string uid_helper;  // what it does, for sh; empty: it is the system's
  std::string subuid = kGrant;
  std::string subgid = kGrant;
  int milliseconds = 5000;
  bool restricted = false;
};

// Both tests and tested change users and mounts.
bool IsRoot() {
  if (::geteuid() == 0) return true;
  check::Skip("needs root, to become a user whom /etc grants something");
  return false;
}

std::string Try(const Case& given) {
  const TempDir directory;
  const std::string& base = directory.path();
  const std::string programs = base + "/programs";
  CHECK(::mkdir(programs.c_str(), 0755) == 0);
  CHECK(::chmod(programs.c_str(), 0755) == 0);
  for (const char* name : {"newuidmap", "newgidmap"}) {
    const std::string text = name[3] == 'u' ? given.uid_helper : "exit 0";
    if (!given.uid_helper.empty()) {
      CHECK(Write(programs + "/" + name, "#!/bin/sh\n" + text + "\n", 0755));
    }
  }
  const Child child([&](const Child& self) {
    const bool ready = BecomeGranted(base, given.subuid, given.subgid);
    if (ready && given.restricted) (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    self.Say(ready ? Outcome("relative:" + programs, given.milliseconds) : "not ready");
  });
  const std::string heard = child.Hear();
  const size_t at = heard.find(programs);
  return at == std::string::npos ? heard
                                 : heard.substr(0, at) + "P" + heard.substr(at + programs.size());
}

}  // namespace

TEST(MappedNamespaceSaysWhatAHelperHasSaid) {
  if (!IsRoot()) return;
  CHECK_EQ(Try({"echo no such luck >&2; exit 1"}),
           std::string("helper-failed no such luck P/newuidmap"));
  CHECK_EQ(Try({"exit 3"}), std::string("helper-failed status 3 P/newuidmap"));
  CHECK_EQ(Try({"kill -9 $$"}), std::string("helper-failed signal 9 P/newuidmap"));
  // More than a pipe takes, in an environment and with descriptors of its own.
  CHECK_EQ(Try({"test -z \"$HOME$USER\" && test ! -e /proc/$$/fd/3 || exit 4; read x && exit 5; "
                "exit 6"}),
           std::string("helper-failed status 6 P/newuidmap"));
}

TEST(MappedNamespaceDoesNotWaitForAHelperThatHangs) {
  if (!IsRoot()) return;
  const auto start = std::chrono::steady_clock::now();
  // What it leaves running keeps its standard error.
  CHECK_EQ(Try({"echo waiting >&2; sleep 3 & sleep 3", kGrant, kGrant, 200}),
           std::string("helper-slow waiting P/newuidmap"));
  CHECK_EQ(Try({"sleep 1", kGrant, kGrant, 200}),
           std::string("helper-slow without a word P/newuidmap"));
  CHECK_EQ(Try({"sleep 1 & echo left >&2; exit 7"}), std::string("helper-failed left P/newuidmap"));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST(MappedNamespaceNeedsIdsAndRights) {
  if (!IsRoot()) return;
  CHECK_EQ(Try({"exit 0", ""}), std::string("no-subordinate-ids  /etc/subuid"));
  CHECK_EQ(Try({"exit 0", kGrant, "somebody:1:2\n"}),
           std::string("no-subordinate-ids  /etc/subgid"));
  CHECK_EQ(Try({"exit 0", kGrant, kGrant, 5000, true}),
           std::string("no-new-privileges  P/newuidmap"));
}

TEST(MappedNamespaceTellsTheHelperWhatIsGrantedAndNoMore) {
  if (!IsRoot()) return;
  CHECK_EQ(Try({"shift; echo \"$*\" >&2; exit 1", "ovl:700000:10\nbob:5:6\n1000:700005:10\n"}),
           std::string("helper-failed 1000 1000 1 700000 700000 10 700010 700010 5 P/newuidmap"));
}

TEST(MappedNamespaceIsOneWithTheRightsOverItsIds) {
  if (!IsRoot()) return;
  if (::access("/usr/bin/newuidmap", X_OK) != 0) {
    return check::Skip("newuidmap is not installed (Debian package uidmap)");
  }
  const TempDir directory;
  const std::string& base = directory.path();
  const std::string file = base + "/file";
  CHECK(Write(file, ""));
  CHECK(::chown(file.c_str(), 700003, 700004) == 0);
  const Child child([&](const Child& self) {
    if (!BecomeGranted(base, kGrant, kGrant)) return self.Say("not ready");
    auto made = ovl::MakeMappedNamespace("", 5000);
    if (!made.ok()) return self.Say(made.failure().reason);
    const auto give = [&file](uid_t uid) {
      return [&file, uid]() -> ovl::Status {
        if (::chown(file.c_str(), uid, 700009) != 0) return ovl::Errno("chown", file);
        return ovl::Done{};
      };
    };
    const size_t before = Descriptors();
    auto given = ovl::WorkInUserNamespace(made.value().get(), give(700009));
    self.Say(given.ok() ? "given" : given.failure().call);
    auto refused = ovl::WorkInUserNamespace(made.value().get(), give(700010));
    self.Say(refused.ok() ? "given"
                          : refused.failure().call + std::to_string(refused.failure().err) +
                                refused.failure().path);
    auto killed = ovl::WorkInUserNamespace(made.value().get(), []() -> ovl::Status {
      (void)::kill(::getpid(), SIGKILL);
      return ovl::Done{};
    });
    self.Say(killed.ok() ? "done" : killed.failure().reason);
    self.Say(Descriptors() == before ? "same" : "descriptors");
  });
  CHECK_EQ(child.Hear(), std::string("given"));
  CHECK_EQ(child.Hear(), "chown" + std::to_string(EINVAL) + file);
  CHECK_EQ(child.Hear(), std::string("child-killed"));
  CHECK_EQ(child.Hear(), std::string("same"));
  struct stat st {};
  CHECK(::stat(file.c_str(), &st) == 0);
  CHECK_EQ(st.st_uid, 700009U);
}
