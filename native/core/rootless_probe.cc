#include "core/rootless_probe.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/raw_calls.h"
#include "core/rootless_child.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

// Any directory that is there does for a mount point: nobody else sees it, and the maps of the ids
// are written by now.
constexpr const char* kScratch = "/proc";
constexpr const char* kData = "lowerdir=l,upperdir=u,workdir=w,userxattr";

struct Attempt {
  KernelAnswers answers;
  int err = 0;
  const char* call = "";
  const char* about = "";
};

void Answer(KernelAnswers& answers) {
  answers.fsopen = raw::AskForFsopen();
  answers.layer_descriptors = raw::AskForLayerDescriptors();
  for (size_t i = 0; i < kProbedOptions.size(); ++i) {
    answers.options[i] = raw::AskForOption(kProbedOptions[i]);
  }
}

bool Failed(Attempt& attempt, const char* call, const char* about) {
  attempt.err = errno;
  attempt.call = call;
  attempt.about = about;
  return false;
}

bool MakeLayers(Attempt& attempt) {
  if (::mount("tmpfs", kScratch, "tmpfs", 0, nullptr) != 0) {
    return Failed(attempt, "mount", "tmpfs");
  }
  if (::chdir(kScratch) != 0) return Failed(attempt, "chdir", kScratch);
  for (const char* const name : {"l", "u", "w", "m"}) {
    if (::mkdir(name, 0700) != 0) return Failed(attempt, "mkdir", "tmpfs");
  }
  return true;
}

bool MakeContext(Attempt& attempt, int fs) {
  const struct {
    const char* key;
    const char* value;
  } layers[] = {{"lowerdir", "l"}, {"upperdir", "u"}, {"workdir", "w"}};
  for (const auto& layer : layers) {
    if (raw::Fsconfig(fs, raw::kSetString, layer.key, layer.value, 0) != 0) {
      return Failed(attempt, "fsconfig", layer.key);
    }
  }
  if (raw::Fsconfig(fs, raw::kSetFlag, "userxattr", nullptr, 0) != 0) {
    return Failed(attempt, "fsconfig", "userxattr");
  }
  if (raw::Fsconfig(fs, raw::kCmdCreate, nullptr, nullptr, 0) != 0) {
    return Failed(attempt, "fsconfig", "overlay");
  }
  const int mount = raw::Fsmount(fs, 0);
  if (mount < 0) return Failed(attempt, "fsmount", "overlay");
  return ::close(mount) == 0 || Failed(attempt, "close", "overlay");
}

bool MakeOverlay(Attempt& attempt) {
  const int fs = raw::Fsopen("overlay");
  if (fs >= 0) {
    const bool made = MakeContext(attempt, fs);
    (void)::close(fs);  // shared with the caller, who would keep the overlay
    return made;
  }
  // Before Linux 5.2, or a seccomp profile that knows the old call only.
  if (errno == ENODEV) return Failed(attempt, "fsopen", "overlay");
  const int err = errno;
  if (::mount("overlay", "m", "overlay", 0, kData) == 0) return true;
  if (err != ENOSYS) {
    errno = err;
    return Failed(attempt, "fsopen", "overlay");
  }
  return Failed(attempt, "mount", "overlay");
}

void Run(void* argument) {
  Attempt& attempt = *static_cast<Attempt*>(argument);
  if (!MakeLayers(attempt)) return;
  if (MakeOverlay(attempt)) Answer(attempt.answers);
}

// Ubuntu lets everybody make a user namespace and takes the capabilities in it away, so that it is
// not the clone that fails.
constexpr const char* kApparmorSwitch = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

bool IsSwitchedOn(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  char value = '0';
  return fd && ::read(fd.get(), &value, 1) == 1 && value == '1';
}

// The child has all capabilities in its own namespaces: who still says no is not the kernel's rule.
Failure Explained(const Attempt& attempt) {
  Failure failure = Refusal(attempt.err, attempt.call, "", attempt.about);
  if (attempt.err == ENODEV) failure.reason = "no-overlay";
  if (attempt.err != EPERM && attempt.err != EACCES) return failure;
  failure.reason = "rootless-forbidden";
  failure.detail = attempt.call;
  if (IsSwitchedOn(kApparmorSwitch)) {
    failure.reason = "userns-switched-off";
    failure.detail = kApparmorSwitch;
  }
  return failure;
}

}  // namespace

KernelAnswers AskKernel() {
  KernelAnswers answers;
  Answer(answers);
  return answers;
}

Result<KernelAnswers> TryRootless() {
  Attempt attempt;
  auto namespaces = InRootlessChild(Run, &attempt);
  if (!namespaces.ok()) return std::move(namespaces.failure());
  if (attempt.err != 0) return Explained(attempt);
  return attempt.answers;
}

}  // namespace ovl
