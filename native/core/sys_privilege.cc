#include "core/sys_privilege.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "core/unique_fd.h"

namespace ovl {

namespace {

// PROC_USER_INIT_INO of the kernel's include/linux/proc_ns.h: fixed since 3.8. Comparing uid maps
// instead would take a namespace with an identity map for the initial one.
constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;

// NS_GET_USERNS of <linux/nsfs.h>.
constexpr unsigned long kGetUserNamespace = _IO(0xb7, 0x1);

// What the calling thread has, none where it cannot be asked.
class Capabilities {
 public:
  Capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    if (::syscall(SYS_capget, &header, data_) != 0) data_[0] = data_[1] = {};
  }
  bool Has(unsigned capability) const {
    return (data_[capability / 32].effective & (1U << (capability % 32))) != 0;
  }

 private:
  __user_cap_data_struct data_[_LINUX_CAPABILITY_U32S_3]{};
};

// Whether a map of /proc/self holds an id that shows as itself.
bool MapHolds(const char* path, uint64_t id) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  // The kernel takes 340 lines of three numbers.
  std::string text(32 * 1024, '\0');
  const ssize_t n = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (n <= 0) return false;
  std::istringstream numbers(text.substr(0, static_cast<size_t>(n)));
  uint64_t inside = 0;
  uint64_t outside = 0;
  uint64_t count = 0;
  while (numbers >> inside >> outside >> count) {
    if (id >= inside && id - inside < count) return true;
  }
  return false;
}

}  // namespace

bool HasSysAdmin() { return Capabilities().Has(CAP_SYS_ADMIN); }

bool HasCapability(unsigned capability) { return Capabilities().Has(capability); }

bool InUserNamespace() {
  struct stat st;
  // Not able to tell counts as one: an answer built on a guess would be wrong in silence.
  return ::stat("/proc/thread-self/ns/user", &st) != 0 || st.st_ino != kInitialUserNamespace;
}

bool CanReadTrustedXattrs() { return HasSysAdmin() && !InUserNamespace(); }

bool CanOpenByHandle() { return Capabilities().Has(CAP_DAC_READ_SEARCH) && !InUserNamespace(); }

bool OwnsMountNamespace() {
  const UniqueFd mounts(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!mounts) return true;  // nobody can tell; the kernel will
  const UniqueFd owner(::ioctl(mounts.get(), kGetUserNamespace));
  return owner || errno != EPERM;  // EPERM: it is of a namespace above ours
}

MountPrivilege OwnMountPrivilege() {
  const Capabilities own;
  if (!own.Has(CAP_SYS_ADMIN)) return {};
  if (InUserNamespace()) return {OwnsMountNamespace(), false, false};
  return {true, true, own.Has(CAP_DAC_READ_SEARCH)};
}

bool MayMount() { return OwnMountPrivilege().may_mount; }

bool IsOwnerMapped(const struct stat& st) {
  if (!MayMount()) return st.st_uid == ::geteuid() && st.st_gid == ::getegid();
  return HasIdsOf(st);
}

bool HasIdsOf(const struct stat& st) {
  if (!InUserNamespace()) return true;
  return MapHolds("/proc/thread-self/uid_map", st.st_uid) &&
         MapHolds("/proc/thread-self/gid_map", st.st_gid);
}

bool IsOwnGroup(gid_t gid) {
  if (gid == ::getegid()) return true;
  const int count = ::getgroups(0, nullptr);
  if (count <= 0) return false;
  std::vector<gid_t> groups(static_cast<size_t>(count));
  const int got = ::getgroups(count, groups.data());
  return std::find(groups.begin(), groups.begin() + std::max(got, 0), gid) !=
         groups.begin() + std::max(got, 0);
}

}  // namespace ovl
