#include "core/view_isolation.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/raw_calls.h"

namespace ovl {

namespace {

constexpr unsigned kCloneTree = 1;       // OPEN_TREE_CLONE
constexpr unsigned kFromEmptyPath = 4;   // MOVE_MOUNT_F_EMPTY_PATH
constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE
constexpr unsigned kReadOnly = 1;        // MOUNT_ATTR_RDONLY
constexpr unsigned kHarmless = 0xe;      // MOUNT_ATTR_NOSUID, _NODEV and _NOEXEC
constexpr unsigned long kHarmlessFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

bool MountTmpfs(const char* at, unsigned long flags, const char* options, ViewFault& fault) {
  return fault.DidCall("mount", "tmpfs", ::mount("tmpfs", at, "tmpfs", flags, options) == 0);
}

// Every file that is hidden gets one of its own: a mount is used up when it is attached.
bool OpenEmptyFile(int& tree, ViewFault& fault) {
  const int context = raw::Fsopen("tmpfs");
  if (!fault.DidCall("fsopen", "tmpfs", context >= 0)) return false;
  const bool made = raw::Fsconfig(context, raw::kCmdCreate, nullptr, nullptr, 0) == 0;
  if (!fault.DidCall("fsconfig", "tmpfs", made)) return false;
  const int mount = raw::Fsmount(context, kHarmless);
  if (!fault.DidCall("fsmount", "tmpfs", mount >= 0)) return false;
  const int file = ::openat(mount, "empty", O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
  if (!fault.DidCall("openat", "empty", file >= 0)) return false;
  tree = raw::OpenTree(mount, "empty", kCloneTree | O_CLOEXEC);
  if (!fault.DidCall("open_tree", "empty", tree >= 0)) return false;
  const int sealed = raw::MountSetattr(tree, "", AT_EMPTY_PATH, {kReadOnly, 0, 0, 0});
  if (!fault.DidCall("mount_setattr", "empty", sealed == 0)) return false;
  (void)::close(file);
  (void)::close(mount);
  (void)::close(context);
  return true;
}

bool HideFile(const char* at, ViewFault& fault) {
  int tree = -1;
  if (!OpenEmptyFile(tree, fault)) return false;
  const bool attached = raw::MoveMount(tree, "", AT_FDCWD, at, kFromEmptyPath) == 0;
  if (!fault.DidCall("move_mount", "", attached)) return false;
  (void)::close(tree);
  return true;
}

}  // namespace

bool MountEmpty(const char* at, ViewFault& fault) {
  return MountTmpfs(at, MS_NOSUID | MS_NODEV, "mode=1777", fault);
}

bool MountHollow(const char* at, ViewFault& fault) {
  return MountTmpfs(at, kHarmlessFlags, "mode=555", fault);
}

bool HidePath(const char* at, ViewFault& fault) {
  struct stat st {};
  if (!fault.DidCall("stat", "", ::stat(at, &st) == 0)) return false;
  if (!S_ISDIR(st.st_mode)) return HideFile(at, fault);
  return MountTmpfs(at, kHarmlessFlags | MS_RDONLY, "mode=555", fault);
}

bool MakeReadOnly(const char* at, ViewFault& fault) {
  constexpr raw::MountAttr kSealed{kReadOnly, 0, 0, 0};
  const int sealed = raw::MountSetattr(AT_FDCWD, at, kRecursive, kSealed);
  // It is no mount point. The root directory is one, and could not be covered: whoever has it goes
  // on seeing what lies below.
  if (sealed == 0 || errno != EINVAL) return fault.DidCall("mount_setattr", "", sealed == 0);
  const int tree = raw::OpenTree(AT_FDCWD, at, kCloneTree | kRecursive | O_CLOEXEC);
  if (!fault.DidCall("open_tree", "", tree >= 0)) return false;
  const int copy = raw::MountSetattr(tree, "", AT_EMPTY_PATH | kRecursive, kSealed);
  if (!fault.DidCall("mount_setattr", "", copy == 0)) return false;
  const bool attached = raw::MoveMount(tree, "", AT_FDCWD, at, kFromEmptyPath) == 0;
  if (!fault.DidCall("move_mount", "", attached)) return false;
  (void)::close(tree);
  return true;
}

bool MakeDirectory(const char* at, ViewFault& fault) {
  return fault.DidCall("mkdir", "", ::mkdir(at, 0755) == 0 || errno == EEXIST);
}

bool MountProc(const char* at, int& opened, ViewFault& fault) {
  const bool made = ::mount("proc", at, "proc", kHarmlessFlags, nullptr) == 0;
  if (!fault.DidCall("mount", "proc", made)) return false;
  opened = ::open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // before anything covers it
  return fault.DidCall("open", "", opened >= 0);
}

bool LeaveNetwork(ViewFault& fault) {
  if (!fault.DidCall("unshare", "network namespace", ::unshare(CLONE_NEWNET) == 0)) return false;
  // Any socket will do, and this kind is in every kernel.
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!fault.DidCall("socket", "lo", socket >= 0)) return false;
  struct ifreq request {};
  std::memcpy(request.ifr_name, "lo", sizeof "lo");
  request.ifr_flags = IFF_UP;
  if (!fault.DidCall("ioctl", "lo", ::ioctl(socket, SIOCSIFFLAGS, &request) == 0)) return false;
  (void)::close(socket);
  return true;
}

}  // namespace ovl
