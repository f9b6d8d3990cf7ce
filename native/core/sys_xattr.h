// Reading extended attributes without following symbolic links, by descriptor or by name below one.
#ifndef OVL_CORE_SYS_XATTR_H_
#define OVL_CORE_SYS_XATTR_H_

#include <string>

#include "core/result.h"

namespace ovl {

// What new entries of a directory get is its default ACL.
inline constexpr char kAccessAcl[] = "system.posix_acl_access";
inline constexpr char kDefaultAcl[] = "system.posix_acl_default";

// flistxattr(2): the names, each ended by NUL. A filesystem without xattrs has an empty list.
Status ListXattrs(int fd, std::string& list);

// listxattrat(2) (Linux 6.13), else llistxattr(2) through /proc/self/fd.
Status ListXattrsAt(int dir, const std::string& name, std::string& list);

// fgetxattr(2). False when the attribute is not there.
Result<bool> GetXattr(int fd, const std::string& attribute, std::string& value);

// fgetxattr(2): whether the filesystem has a place for such an attribute, without writing one. A
// filesystem that has none says EOPNOTSUPP, one that has says that the attribute is absent.
Result<bool> CanHoldXattr(int fd, const std::string& attribute);

// getxattrat(2) (Linux 6.13), else lgetxattr(2) through /proc/self/fd.
Result<bool> GetXattrAt(int dir, const std::string& name, const std::string& attribute,
                        std::string& value);

}  // namespace ovl

#endif  // OVL_CORE_SYS_XATTR_H_
