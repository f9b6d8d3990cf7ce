#include "core/sys_privilege.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace ovl {

namespace {

// PROC_USER_INIT_INO of the kernel's include/linux/proc_ns.h: fixed since 3.8. Comparing uid maps
// instead would take a namespace with an identity map for the initial one.
constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;

bool HasCapabilities(uint32_t wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective & wanted) == wanted;
}

bool InInitialUserNamespace() {
  struct stat st;
  // Not able to tell counts as no: an answer built on a guess would be wrong in silence.
  if (::stat("/proc/thread-self/ns/user", &st) != 0) return false;
  return st.st_ino == kInitialUserNamespace;
}

}  // namespace

bool HasSysAdmin() { return HasCapabilities(1U << CAP_SYS_ADMIN); }

bool CanReadTrustedXattrs() { return HasSysAdmin() && InInitialUserNamespace(); }

bool CanHaveIndex() {
  return HasCapabilities(1U << CAP_SYS_ADMIN | 1U << CAP_DAC_READ_SEARCH) &&
         InInitialUserNamespace();
}

}  // namespace ovl
