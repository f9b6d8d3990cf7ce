// What this process may do, asked before it matters.
#ifndef OVL_CORE_SYS_PRIVILEGE_H_
#define OVL_CORE_SYS_PRIVILEGE_H_

namespace ovl {

// CAP_SYS_ADMIN in the user namespace of the caller: needed to mount.
bool HasSysAdmin();

// Whether the mount namespace belongs to the user namespace of the caller or to one made below it.
// After unshare(CLONE_NEWUSER) alone it does not: CAP_SYS_ADMIN is there, and mounting says EPERM.
bool OwnsMountNamespace();

// CAP_SYS_ADMIN in the *initial* user namespace: needed to see trusted.* attributes. Without it the
// kernel answers as if they were absent (xattr(7)), so it cannot be found out by trying.
bool CanReadTrustedXattrs();

}  // namespace ovl

#endif  // OVL_CORE_SYS_PRIVILEGE_H_
