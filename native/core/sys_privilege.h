// What this process may do, asked before it matters.
#ifndef OVL_CORE_SYS_PRIVILEGE_H_
#define OVL_CORE_SYS_PRIVILEGE_H_

#include <sys/stat.h>

namespace ovl {

// CAP_SYS_ADMIN in the user namespace of the caller: needed to mount.
bool HasSysAdmin();

// CAP_SYS_ADMIN in the *initial* user namespace: needed to see trusted.* attributes. Without it the
// kernel answers as if they were absent (xattr(7)), so it cannot be found out by trying.
bool CanReadTrustedXattrs();

// CAP_DAC_READ_SEARCH in the initial user namespace: needed to open files by handle, and so, for
// the kernel, to keep an index.
bool CanOpenByHandle();

// Any capability of <linux/capability.h>, in the user namespace of the caller.
bool HasCapability(unsigned capability);

// Whether our user namespace is not the one that the system started with.
bool InUserNamespace();

// Whether the mount namespace belongs to our user namespace (or one below): capabilities count for
// mounting there only. False after `unshare --user` without `--mount`.
bool OwnsMountNamespace();

// Whether we may mount: both of it. Who may not makes an overlay in a namespace of its own.
bool MayMount();

// All of it in as few calls as one question takes, for who wants to know more than one.
struct MountPrivilege {
  bool may_mount = false;       // MayMount
  bool trusted_xattrs = false;  // CanReadTrustedXattrs
  bool keeps_index = false;     // and CanOpenByHandle: what the kernel wants for an index
};
MountPrivilege OwnMountPrivilege();

// Whether the owner of a file has an id here. An overlay made rootless knows the caller's own ids
// only; in a user namespace the others show as the overflow ids. What is not mapped cannot be
// copied up (EOVERFLOW).
bool IsOwnerMapped(const struct stat& st);

// Whether owner and group have ids in our own user namespace: over other files no capability
// counts.
bool HasIdsOf(const struct stat& st);

// Whether the group is ours, or one that we are in besides.
bool IsOwnGroup(gid_t gid);

}  // namespace ovl

#endif  // OVL_CORE_SYS_PRIVILEGE_H_
