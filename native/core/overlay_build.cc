#include "core/overlay_build.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "core/raw_calls.h"
#include "core/sys_xattr.h"

namespace ovl::raw {

namespace {

constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
// fsconfig(2) refuses a longer string with a bare EINVAL.
constexpr size_t kMaxString = 255;
// Enough for "/proc/self/fd/" and any number.
constexpr size_t kFdNameSize = 32;

bool Failed(BuildPlan& plan, const char* call, int directory, const char* key) {
  plan.err = errno;
  plan.call = call;
  plan.at_directory = directory;
  plan.at_key = key == nullptr ? "" : key;
  return false;
}

size_t LengthOf(const char* text) {
  size_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}

// snprintf may allocate.
void NameOfFd(int fd, char (&out)[kFdNameSize]) {
  const char prefix[] = "/proc/self/fd/";
  size_t at = 0;
  for (; prefix[at] != '\0'; ++at) out[at] = prefix[at];
  char digits[12];
  size_t n = 0;
  do {
    digits[n++] = static_cast<char>('0' + fd % 10);
    fd /= 10;
  } while (fd > 0);
  while (n > 0) out[at++] = digits[--n];
  out[at] = '\0';
}

bool OpenDirectories(BuildPlan& plan) {
  for (size_t i = 0; i < plan.directory_count; ++i) {
    Directory& directory = plan.directories[i];
    if (directory.fd >= 0 || directory.path == nullptr) continue;
    directory.fd = ::open(directory.path, kOpenFlags);
    if (directory.fd < 0) return Failed(plan, "open", static_cast<int>(i), "");
    directory.ours = true;
  }
  return true;
}

bool Configure(BuildPlan& plan, const Filesystem& filesystem, const Step& step) {
  if (step.directory < 0) {
    const int done = Fsconfig(filesystem.context, step.command, step.key, step.value, 0);
    return done == 0 || Failed(plan, "fsconfig", -1, step.key);
  }
  const Directory& directory = plan.directories[step.directory];
  int done;
  if (plan.by_descriptor) {
    done = Fsconfig(filesystem.context, kSetFd, step.key, nullptr, directory.fd);
  } else {
    // The step's value is the name in the form the option wants; too long, or without a name, the
    // descriptor has one under /proc.
    char name[kFdNameSize];
    NameOfFd(directory.fd, name);
    const bool fits = step.value != nullptr && LengthOf(step.value) <= kMaxString;
    done = Fsconfig(filesystem.context, kSetString, step.key, fits ? step.value : name, 0);
  }
  return done == 0 || Failed(plan, "fsconfig", step.directory, step.key);
}

bool Make(BuildPlan& plan, Filesystem& filesystem) {
  filesystem.context = Fsopen(filesystem.type);
  if (filesystem.context < 0) return Failed(plan, "fsopen", -1, filesystem.type);
  for (size_t i = 0; i < filesystem.steps.count; ++i) {
    if (!Configure(plan, filesystem, filesystem.steps.first[i])) return false;
  }
  if (Fsconfig(filesystem.context, kCmdCreate, nullptr, nullptr, 0) != 0) {
    return Failed(plan, "fsconfig", -1, "");
  }
  filesystem.mount = Fsmount(filesystem.context, filesystem.attributes);
  if (filesystem.mount < 0) return Failed(plan, "fsmount", -1, filesystem.type);
  return true;
}

bool MakeDirectory(BuildPlan& plan, int index, mode_t mode) {
  Directory& directory = plan.directories[index];
  if (::mkdirat(plan.scratch.mount, directory.path, mode) != 0) {
    return Failed(plan, "mkdirat", index, "");
  }
  directory.fd = ::openat(plan.scratch.mount, directory.path, kOpenFlags);
  if (directory.fd < 0) return Failed(plan, "openat", index, "");
  directory.ours = true;
  return true;
}

bool MakeScratch(BuildPlan& plan) {
  if (!Make(plan, plan.scratch)) return false;
  if (!MakeDirectory(plan, plan.upper, 0755) || !MakeDirectory(plan, plan.work, 0700)) return false;
  if (plan.root_attributes == nullptr) return true;
  const char* failed = GiveAttributes(plan.directories[plan.upper].fd, *plan.root_attributes);
  return failed == nullptr || Failed(plan, failed, plan.upper, "");
}

}  // namespace

const char* GiveAttributes(int directory, RootAttributes& attributes) {
  // A default ACL of the directory above, which everything made below would have as well.
  for (const char* acl : {kDefaultAcl, kAccessAcl}) {
    const bool removed = ::fremovexattr(directory, acl) == 0;
    if (!removed && errno != ENODATA && errno != EOPNOTSUPP) return "fremovexattr";
  }
  if (::fchown(directory, attributes.uid, attributes.gid) != 0) {
    // Not ours to give away, or an owner our user namespace does not know (EINVAL, EOVERFLOW).
    if (errno != EPERM && errno != EINVAL && errno != EOVERFLOW) return "fchown";
    attributes.owner_kept = false;
  }
  for (size_t i = 0; i < attributes.xattr_count; ++i) {
    const Attribute& each = attributes.xattrs[i];
    if (::fsetxattr(directory, each.name, each.value, each.size, 0) != 0) {
      attributes.xattrs_kept = false;
    }
  }
  if (::fchmod(directory, attributes.mode & 07777) != 0) return "fchmod";
  if (::futimens(directory, attributes.times) != 0) return "futimens";
  return nullptr;
}

bool Build(BuildPlan& plan) {
  if (plan.scratch.type != nullptr && !MakeScratch(plan)) return false;
  return OpenDirectories(plan) && Make(plan, plan.overlay);
}

}  // namespace ovl::raw
