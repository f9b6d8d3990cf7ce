// What this process may do, asked before it matters.
#ifndef OVL_CORE_SYS_PRIVILEGE_H_
#define OVL_CORE_SYS_PRIVILEGE_H_

namespace ovl {

// CAP_SYS_ADMIN in the user namespace of the caller: needed to mount.
bool HasSysAdmin();

// CAP_SYS_ADMIN in the *initial* user namespace: needed to see trusted.* attributes. Without it the
// kernel answers as if they were absent (xattr(7)), so it cannot be found out by trying.
bool CanReadTrustedXattrs();

// CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH in the *initial* user namespace: with them an overlay can
// have an index. Without, the kernel mounts it all the same and leaves the index out.
bool CanHaveIndex();

}  // namespace ovl

#endif  // OVL_CORE_SYS_PRIVILEGE_H_
