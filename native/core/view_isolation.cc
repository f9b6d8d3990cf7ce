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
#include <climits>
#include <cstring>

#include "core/raw_calls.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

using raw::kCloneTree;
using raw::kFromEmptyPath;
using raw::kRecursive;

constexpr int kPlace = O_PATH | O_CLOEXEC;
constexpr unsigned kHarmless = kAttrNosuid | kAttrNodev | kAttrNoexec;

// For kernels before 5.6, and containers that forbid what is newer than they are.
int OpenByComponents(const char* at) {
  int dir = ::open("/", kPlace);
  const char* rest = at;
  while (dir >= 0) {
    while (*rest == '/') ++rest;
    const size_t length = std::strcspn(rest, "/");
    if (length == 0) return dir;
    char name[NAME_MAX + 1];
    int next = -1;
    if (length >= sizeof name) {
      errno = ENAMETOOLONG;
    } else {
      std::memcpy(name, rest, length);
      name[length] = '\0';
      next = ::openat(dir, name, kPlace | O_NOFOLLOW);
    }
    int err = errno;
    (void)::close(dir);
    struct stat st {};
    if (next >= 0 && ::fstat(next, &st) == 0 && S_ISLNK(st.st_mode)) {
      (void)::close(next);
      next = -1;
      err = ELOOP;
    }
    errno = err;
    dir = next;
    rest += length;
  }
  return -1;
}

// What is meant by an absolute path, and by no other one: a link would lead to what nobody has
// named. Everything is done to this, so that it cannot become something else meanwhile.
bool OpenNamed(const char* at, int& place, ViewFault& fault) {
  constexpr raw::OpenHow kNoLinks{kPlace, 0, raw::kResolveNoSymlinks};
  place = raw::OpenAt2(AT_FDCWD, at, kNoLinks);
  if (place < 0 && (errno == ENOSYS || errno == EPERM)) place = OpenByComponents(at);
  return fault.DidCall("openat2", "", place >= 0);
}

bool Cover(int place, int mount, ViewFault& fault) {
  constexpr unsigned kBoth = kFromEmptyPath | raw::kToEmptyPath;
  return fault.DidCall("move_mount", "", raw::MoveMount(mount, "", place, "", kBoth) == 0);
}

bool MakeTmpfs(const char* mode, unsigned attributes, int& mount, ViewFault& fault) {
  const int context = raw::Fsopen("tmpfs");
  if (!fault.DidCall("fsopen", "tmpfs", context >= 0)) return false;
  const bool set = raw::Fsconfig(context, raw::kSetString, "source", "tmpfs", 0) == 0 &&
                   raw::Fsconfig(context, raw::kSetString, "mode", mode, 0) == 0 &&
                   raw::Fsconfig(context, raw::kCmdCreate, nullptr, nullptr, 0) == 0;
  if (!fault.DidCall("fsconfig", "tmpfs", set)) return false;
  mount = raw::Fsmount(context, attributes);
  if (!fault.DidCall("fsmount", "tmpfs", mount >= 0)) return false;
  (void)::close(context);
  return true;
}

bool CoverByTmpfs(int place, const char* mode, unsigned attributes, ViewFault& fault) {
  int mount = -1;
  if (!MakeTmpfs(mode, attributes, mount, fault) || !Cover(place, mount, fault)) return false;
  (void)::close(mount);
  return true;
}

bool MountTmpfs(const char* at, const char* mode, unsigned attributes, ViewFault& fault) {
  int place = -1;
  if (!OpenNamed(at, place, fault) || !CoverByTmpfs(place, mode, attributes, fault)) return false;
  (void)::close(place);
  return true;
}

// Every file that is hidden gets one of its own: a mount is used up when it is attached.
bool OpenEmptyFile(int& tree, ViewFault& fault) {
  int mount = -1;
  if (!MakeTmpfs("755", kHarmless, mount, fault)) return false;
  const int file = ::openat(mount, "empty", O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
  if (!fault.DidCall("openat", "empty", file >= 0)) return false;
  tree = raw::OpenTree(mount, "empty", kCloneTree | O_CLOEXEC);
  if (!fault.DidCall("open_tree", "empty", tree >= 0)) return false;
  const int sealed = raw::MountSetattr(tree, "", AT_EMPTY_PATH, {kAttrReadOnly, 0, 0, 0});
  if (!fault.DidCall("mount_setattr", "empty", sealed == 0)) return false;
  (void)::close(file);
  (void)::close(mount);
  return true;
}

bool HideFile(int place, ViewFault& fault) {
  int tree = -1;
  if (!OpenEmptyFile(tree, fault) || !Cover(place, tree, fault)) return false;
  (void)::close(tree);
  return true;
}

bool HidePlace(int place, ViewFault& fault) {
  struct stat st {};
  if (!fault.DidCall("fstat", "", ::fstat(place, &st) == 0)) return false;
  if (!S_ISDIR(st.st_mode)) return HideFile(place, fault);
  return CoverByTmpfs(place, "555", kHarmless | kAttrReadOnly, fault);
}

bool SealPlace(int place, ViewFault& fault) {
  constexpr raw::MountAttr kSealed{kAttrReadOnly, 0, 0, 0};
  constexpr unsigned kAll = AT_EMPTY_PATH | kRecursive;
  const int sealed = raw::MountSetattr(place, "", kAll, kSealed);
  // It is no mount point. The root directory is one, and could not be covered: whoever has it goes
  // on seeing what lies below.
  if (sealed == 0 || errno != EINVAL) return fault.DidCall("mount_setattr", "", sealed == 0);
  const int tree = raw::OpenTree(place, "", kAll | kCloneTree | O_CLOEXEC);
  if (!fault.DidCall("open_tree", "", tree >= 0)) return false;
  const int copy = raw::MountSetattr(tree, "", kAll, kSealed);
  if (!fault.DidCall("mount_setattr", "", copy == 0) || !Cover(place, tree, fault)) return false;
  (void)::close(tree);
  return true;
}

}  // namespace

bool CheckNamed(const char* at, ViewFault& fault) {
  int place = -1;
  if (!OpenNamed(at, place, fault)) return false;
  (void)::close(place);
  return true;
}

bool MountEmpty(const char* at, ViewFault& fault) {
  return MountTmpfs(at, "1777", kAttrNosuid | kAttrNodev, fault);
}

bool MountHollow(const char* at, ViewFault& fault) {
  return MountTmpfs(at, "555", kHarmless, fault);
}

bool HidePath(const char* at, ViewFault& fault) {
  int place = -1;
  if (!OpenNamed(at, place, fault) || !HidePlace(place, fault)) return false;
  (void)::close(place);
  return true;
}

bool MakeReadOnly(const char* at, ViewFault& fault) {
  int place = -1;
  if (!OpenNamed(at, place, fault) || !SealPlace(place, fault)) return false;
  (void)::close(place);
  return true;
}

bool MakeDirectory(const char* at, ViewFault& fault) {
  constexpr mode_t kMode = 0755;
  if (::mkdir(at, kMode) != 0) return fault.DidCall("mkdir", "", errno == EEXIST);
  return fault.DidCall("chmod", "", ::chmod(at, kMode) == 0);  // whatever the umask is
}

bool MountProc(const char* at, int& opened, ViewFault& fault) {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const bool made = ::mount("proc", at, "proc", kFlags, nullptr) == 0;
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
