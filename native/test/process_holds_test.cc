#include "core/process_holds.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_proc.h"
#include "test/check.h"
#include "test/tree.h"

using ovl::Hold;
using ovl::HoldKind;
using ovl::IsAtOrBelow;

namespace {

// Of the mount that a path is on, seen at that path. A test directory is no mount: its holds are
// those of a part of one, which is the same to /proc.
ovl::WantedMounts Wanted(const std::string& path) {
  ovl::WantedMounts wanted;
  auto fd = ovl::OpenPath(path);
  if (!CHECK(fd.ok())) return wanted;
  auto id = ovl::TableMountId(fd.value().get());
  if (CHECK(id.ok())) wanted.by_id.emplace(id.value(), ovl::WantedMounts::Mount{path, false});
  return wanted;
}

bool Holds(const ovl::MountHolder& holder, HoldKind kind, const std::string& path) {
  return std::any_of(holder.holds.begin(), holder.holds.end(),
                     [&](const Hold& hold) { return hold.kind == kind && hold.path == path; });
}

// A child that does something and then waits; gone when this goes.
class Child {
 public:
  template <typename Body>
  explicit Child(const Body& body) {
    int ready[2];
    if (!CHECK(::pipe2(ready, O_CLOEXEC) == 0)) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      body();
      (void)::close(ready[0]);
      (void)::close(ready[1]);  // which the parent waits for
      for (;;) ::pause();
    }
    (void)::close(ready[1]);
    char byte = 0;
    CHECK_EQ(::read(ready[0], &byte, 1), 0);
    (void)::close(ready[0]);
  }
  ~Child() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

}  // namespace

TEST(ProcessHoldsComparesNamesAndNotStrings) {
  CHECK(IsAtOrBelow("/a", "/a"));
  CHECK(IsAtOrBelow("/a/b", "/a"));
  CHECK(!IsAtOrBelow("/ab", "/a"));
  CHECK(!IsAtOrBelow("/", "/a"));
  CHECK(!IsAtOrBelow("", "/a"));
  CHECK(IsAtOrBelow("/anything", "/"));
  CHECK(!IsAtOrBelow("pipe:[1]", "/"));
  CHECK(IsAtOrBelow("/a (deleted)", "/a"));
  CHECK(!IsAtOrBelow("/a (deleted) ", "/a"));
}

TEST(ProcessHoldsFindsWhatIsMappedAndNoLongerOpen) {
  const TempDir temp;
  Tree(temp.path()).File("mapped", "text");
  const std::string path = temp.path() + "/mapped";
  const Child child([&] {
    const ovl::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    (void)::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  });
  const auto holder = ovl::HoldsOf(child.pid(), Wanted(temp.path()));
  if (!CHECK(holder.ok())) return;
  CHECK_EQ(holder.value().holds.size(), 1);
  CHECK(Holds(holder.value(), HoldKind::kMapping, path));
  CHECK_EQ(holder.value().pid, child.pid());
  CHECK(!holder.value().args.empty());
}

TEST(ProcessHoldsFindsTheDirectoryOfAThread) {
  const TempDir temp;
  Tree(temp.path()).Dir("of-a-thread");
  const std::string path = temp.path() + "/of-a-thread";
  const Child child([&] {
    pthread_t thread{};
    static int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) return;
    const auto body = [](void* directory) -> void* {
      if (::unshare(CLONE_FS) == 0) (void)::chdir(static_cast<const char*>(directory));
      (void)::close(ready[1]);
      for (;;) ::pause();
    };
    if (::pthread_create(&thread, nullptr, body, const_cast<char*>(path.c_str())) != 0) return;
    char byte = 0;
    (void)::read(ready[0], &byte, 1);
  });
  const auto holder = ovl::HoldsOf(child.pid(), Wanted(temp.path()));
  if (!CHECK(holder.ok())) return;
  CHECK_EQ(holder.value().holds.size(), 1);
  CHECK(Holds(holder.value(), HoldKind::kCwd, path));
}

TEST(ProcessHoldsOfAnEndedProcessAreNone) {
  const TempDir temp;
  const auto wanted = Wanted(temp.path());
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info{};
  CHECK_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  auto holder = ovl::HoldsOf(pid, wanted);  // a zombie
  CHECK(holder.ok() && holder.value().holds.empty());
  CHECK_EQ(::waitpid(pid, nullptr, 0), pid);
  holder = ovl::HoldsOf(pid, wanted);
  CHECK(holder.ok() && holder.value().holds.empty());
}

TEST(ProcessListHasThisProcess) {
  const auto pids = ovl::ListProcesses();
  if (!CHECK(pids.ok())) return;
  CHECK(std::find(pids.value().begin(), pids.value().end(), ::getpid()) != pids.value().end());
}
