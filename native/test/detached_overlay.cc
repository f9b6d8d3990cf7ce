#include "test/detached_overlay.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "core/raw_calls.h"
#include "test/check.h"

namespace {

struct Numbers {
  int mount = -1;
  int user = -1;
  int err = 0;
};

int Layer(int fs, const char* key, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  const int set = ovl::raw::Fsconfig(fs, ovl::raw::kSetFd, key, nullptr, fd);
  (void)::close(fd);
  return set;
}

int Option(int fs, const std::string& option) {
  const size_t sign = option.find('=');
  if (option.empty()) return 0;
  if (sign == std::string::npos) {
    return ovl::raw::Fsconfig(fs, ovl::raw::kSetFlag, option.c_str(), nullptr, 0);
  }
  return ovl::raw::Fsconfig(fs, ovl::raw::kSetString, option.substr(0, sign).c_str(),
                            option.c_str() + sign + 1, 0);
}

int MountHere(const std::string& base, bool userxattr, const std::string& option) {
  const int fs = ovl::raw::Fsopen("overlay");
  if (fs < 0) return -1;
  int mount = -1;
  if (Layer(fs, "lowerdir+", base + "/lower") == 0 && Layer(fs, "upperdir", base + "/upper") == 0 &&
      Layer(fs, "workdir", base + "/work") == 0 && Option(fs, option) == 0 &&
      (!userxattr || Option(fs, "userxattr") == 0) &&
      ovl::raw::Fsconfig(fs, ovl::raw::kCmdCreate, nullptr, nullptr, 0) == 0) {
    mount = ovl::raw::Fsmount(fs, 0);
  }
  const int err = errno;
  (void)::close(fs);
  errno = err;
  return mount;
}

bool Write(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  const bool good = fd >= 0 && ::write(fd, text.data(), text.size()) >= 0;
  if (fd >= 0) (void)::close(fd);
  return good;
}

std::string Identity(unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; }

// The descriptors of the child are ours as well; its memory is a copy, but for `numbers`.
void MountInChild(const std::string& base, const std::string& option, Numbers* numbers) {
  const std::string uid_map = Identity(::geteuid());
  const std::string gid_map = Identity(::getegid());
  const long flags = CLONE_FILES | CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD;
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone, flags, 0, 0, 0, 0));
  if (pid == 0) {
    if (Write("/proc/self/setgroups", "deny") && Write("/proc/self/uid_map", uid_map) &&
        Write("/proc/self/gid_map", gid_map)) {
      numbers->mount = MountHere(base, true, option);
      numbers->err = errno;
      numbers->user = ::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    } else {
      numbers->err = errno;
    }
    ::_exit(0);
  }
  if (pid < 0) numbers->err = errno;
  if (pid > 0) (void)::waitpid(pid, nullptr, 0);
}

}  // namespace

bool MountDetached(const std::string& base, Mounter mounter, DetachedOverlay& out,
                   const std::string& option) {
  void* const page =
      ::mmap(nullptr, sizeof(Numbers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (!CHECK(page != MAP_FAILED)) return false;
  auto* const numbers = new (page) Numbers;
  if (mounter == Mounter::kRootless) {
    MountInChild(base, option, numbers);
  } else {
    numbers->mount = MountHere(base, false, option);
    numbers->err = errno;
  }
  out.mount = ovl::UniqueFd(numbers->mount);
  out.user_namespace = ovl::UniqueFd(numbers->user);
  const int err = numbers->err;
  (void)::munmap(page, sizeof(Numbers));
  if (out.mount) return true;
  check::Fail(__FILE__, __LINE__, "no detached overlay: errno " + std::to_string(err));
  return false;
}

bool AsOrdinaryUser(bool (*body)(void*), void* argument) {
  if (::geteuid() != 0) return body(argument);
  const pid_t pid = ::fork();
  if (pid == 0) {
    // Who changes his user may not write his own uid_map unless he says that he is no secret.
    const bool ready = ::setgroups(0, nullptr) == 0 && ::setgid(kOrdinaryUser) == 0 &&
                       ::setuid(kOrdinaryUser) == 0 && ::prctl(PR_SET_DUMPABLE, 1) == 0;
    const bool good = CHECK(ready) && body(argument);
    (void)std::fflush(stdout);
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  return CHECK(pid > 0) && CHECK_EQ(::waitpid(pid, &status, 0), pid) && status == 0;
}
