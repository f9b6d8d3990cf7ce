#include "core/sys_privilege.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/unique_fd.h"

namespace ovl {

namespace {

// PROC_USER_INIT_INO of the kernel's include/linux/proc_ns.h: fixed since 3.8. Comparing uid maps
// instead would take a namespace with an identity map for the initial one.
constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;

constexpr unsigned long kGetUserNamespace = 0xb701;  // NS_GET_USERNS of <linux/nsfs.h>, Linux 4.9

}  // namespace

bool HasSysAdmin() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

bool OwnsMountNamespace() {
  const UniqueFd mounts(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!mounts) return true;  // not able to tell: nothing is blamed on it
  const UniqueFd owner(::ioctl(mounts.get(), kGetUserNamespace));
  return owner || errno != EPERM;  // ioctl_ns(2): EPERM for one outside of the caller's own
}

bool CanReadTrustedXattrs() {
  if (!HasSysAdmin()) return false;
  struct stat st;
  // Not able to tell counts as no: an answer built on a guess would be wrong in silence.
  if (::stat("/proc/thread-self/ns/user", &st) != 0) return false;
  return st.st_ino == kInitialUserNamespace;
}

}  // namespace ovl
