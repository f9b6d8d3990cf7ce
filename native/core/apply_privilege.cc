#include "core/apply_privilege.h"

#include <linux/capability.h>
#include <unistd.h>

#include "core/owner_text.h"
#include "core/sys_privilege.h"

namespace ovl {

ApplyPrivilege::ApplyPrivilege()
    : uid_(::geteuid()),
      chown_(HasCapability(CAP_CHOWN)),
      owner_(HasCapability(CAP_FOWNER)),
      mknod_(HasCapability(CAP_MKNOD) && !InUserNamespace()),
      setfcap_(HasCapability(CAP_SETFCAP)),
      trusted_(CanReadTrustedXattrs()),
      ignores_modes_(HasCapability(CAP_DAC_OVERRIDE)) {}

Status ApplyPrivilege::MayOwn(const struct stat& st, const std::string& path) const {
  if (st.st_uid == uid_ && IsOwnGroup(st.st_gid)) return Done{};
  const bool unmapped = chown_ && !HasIdsOf(st);
  if (chown_ && !unmapped) return Done{};
  Failure failure = unmapped ? Refusal(EINVAL, "fchown", "owner-unmapped", path)
                             : Refusal(EPERM, "fchown", "owner-not-permitted", path);
  failure.detail = OwnerText(st.st_uid, st.st_gid);
  return failure;
}

Status ApplyPrivilege::MayMake(const struct stat& st, const Xattrs& xattrs,
                               const std::string& path) const {
  if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && !mknod_) {
    return Refusal(EPERM, "mknodat", "device-not-permitted", path);
  }
  auto own = MayOwn(st, path);
  if (!own.ok()) return own;
  for (const Xattr& xattr : xattrs) {
    const bool trusted = xattr.name.starts_with("trusted.");
    const bool capability = xattr.name == "security.capability";
    if ((trusted && !trusted_) || (capability && !setfcap_)) {
      return Refusal(EPERM, "fsetxattr", "xattr-not-permitted", path, xattr.name);
    }
  }
  return Done{};
}

Status ApplyPrivilege::MayChange(const struct stat& st, const std::string& path) const {
  if (st.st_uid == uid_ || (owner_ && HasIdsOf(st))) return Done{};
  return Refusal(EPERM, "fchmod", "not-owner", path);
}

bool ApplyPrivilege::MayMove(const struct stat& directory, const struct stat& entry) const {
  return (directory.st_mode & S_ISVTX) == 0 || owner_ || directory.st_uid == uid_ ||
         entry.st_uid == uid_;
}

}  // namespace ovl
