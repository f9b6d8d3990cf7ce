// Whether we may give a file what it is to have, said before it is tried.
#ifndef OVL_CORE_APPLY_PRIVILEGE_H_
#define OVL_CORE_APPLY_PRIVILEGE_H_

#include <sys/stat.h>

#include <string>

#include "core/entry_attributes.h"
#include "core/result.h"

namespace ovl {

class ApplyPrivilege {
 public:
  ApplyPrivilege();

  // A new file of such a kind, with such attributes. The failure is the one that trying would give.
  Status MayMake(const struct stat& st, const Xattrs& xattrs, const std::string& path) const;
  // Of a file that is there.
  Status MayChange(const struct stat& st, const std::string& path) const;
  // Whether the sticky bit of a directory keeps us from moving something in it.
  bool MayMove(const struct stat& directory, const struct stat& entry) const;
  // Whether modes are no obstacle.
  bool IgnoresModes() const { return ignores_modes_; }

 private:
  Status MayOwn(const struct stat& st, const std::string& path) const;
  uid_t uid_;
  bool chown_;
  bool owner_;
  bool mknod_;
  bool setfcap_;
  bool trusted_;
  bool ignores_modes_;
};

}  // namespace ovl

#endif  // OVL_CORE_APPLY_PRIVILEGE_H_
