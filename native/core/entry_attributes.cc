#include "core/entry_attributes.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/owner_text.h"
#include "core/sys_file.h"
#include "core/sys_make.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

// XFS's own storage of an ACL, which root sees a second time.
bool IsShadowOfAcl(const std::string& name) { return name.starts_with("trusted.SGI_ACL_"); }

// A filesystem, or a policy of it, may have given a new file the attribute already; it need not
// allow us to set what is there (security.selinux).
bool HasAlready(int dir, const std::string& name, int fd, const Xattr& xattr) {
  std::string value;
  auto got = fd >= 0 ? GetXattr(fd, xattr.name, value) : GetXattrAt(dir, name, xattr.name, value);
  return got.ok() && got.value() && value == xattr.value;
}

Result<Xattrs> ReadListed(const LayerEntry& entry, const std::string& list, const MarkReader& marks,
                          XattrNames names) {
  Xattrs out;
  if (list.empty()) return out;
  // First: the marks may be what decides which names are theirs.
  auto read = marks.Read(list, entry.dir, entry.name);
  if (!read.ok()) return std::move(read.failure());
  for (VisibleXattr& xattr : VisibleXattrs(list, marks.space())) {
    if (IsShadowOfAcl(xattr.stored)) continue;
    std::string value;
    auto got = GetXattrOf(entry, xattr.stored, value);
    if (!got.ok()) return std::move(got.failure());
    if (!got.value()) continue;
    out.push_back(
        {names == XattrNames::kStored ? std::move(xattr.stored) : std::move(xattr.visible),
         std::move(value)});
  }
  return out;
}

}  // namespace

Result<Xattrs> ReadXattrs(const LayerEntry& entry, const MarkReader& marks, XattrNames names) {
  XattrList list;
  auto listed = ListXattrsOf(entry, list);
  if (!listed.ok()) return std::move(listed.failure());
  return ReadListed(entry, list.names, marks, names);
}

Result<Xattrs> ReadXattrs(const Found& found, const MarkReader& marks, XattrNames names) {
  return found.xattrs.known ? ReadListed(found.top, found.xattrs.names, marks, names)
                            : ReadXattrs(found.top, marks, names);
}

std::vector<XattrChange> CompareXattrs(const Xattrs& before, const Xattrs& after) {
  std::vector<XattrChange> changes;
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (b == after.end() || (a != before.end() && a->name < b->name)) {
      changes.push_back({a->name, true, false, a->value, ""});
      ++a;
    } else if (a == before.end() || b->name < a->name) {
      changes.push_back({b->name, false, true, "", b->value});
      ++b;
    } else {
      if (a->value != b->value) changes.push_back({a->name, true, true, a->value, b->value});
      ++a;
      ++b;
    }
  }
  return changes;
}

Status MakeBareDirectoryAt(int dir, const std::string& name) {
  auto made = MakeDirectoryAt(dir, name, 0700);
  if (!made.ok()) return made;
  auto opened = OpenDirectoryAt(dir, name);
  if (!opened.ok()) return std::move(opened.failure());
  const int fd = opened.value().get();
  for (const char* acl : {kDefaultAcl, kAccessAcl}) {
    auto removed = RemoveXattr(fd, acl);
    if (!removed.ok() && removed.failure().err != EOPNOTSUPP) return removed;
  }
  auto st = StatFd(fd);
  if (!st.ok()) return std::move(st.failure());
  if (st.value().st_gid != ::getegid()) {
    auto given = SetOwner(fd, ::geteuid(), ::getegid());
    if (!given.ok()) return given;
  }
  return SetMode(fd, 0700);
}

Status GiveOwner(int dir, const std::string& name, int fd, const struct stat& st) {
  auto given =
      fd >= 0 ? SetOwner(fd, st.st_uid, st.st_gid) : SetOwnerAt(dir, name, st.st_uid, st.st_gid);
  if (!given.ok() && given.failure().err == EPERM) {
    given.failure().reason = "owner-not-given";
    given.failure().detail = OwnerText(st.st_uid, st.st_gid);
  }
  return given;
}

Status GiveXattrs(int dir, const std::string& name, int fd, const Xattrs& xattrs, bool acls) {
  for (const Xattr& xattr : xattrs) {
    if (IsAcl(xattr.name) != acls) continue;
    auto set = fd >= 0 ? SetXattr(fd, xattr.name, xattr.value)
                       : SetXattrAt(dir, name, xattr.name, xattr.value);
    if (!set.ok() && !HasAlready(dir, name, fd, xattr)) return set;
  }
  return Done{};
}

Status GiveModeAndTimes(int dir, const std::string& name, int fd, const struct stat& st) {
  if (!S_ISLNK(st.st_mode)) {
    const mode_t mode = st.st_mode & 07777;
    auto set = fd >= 0 ? SetMode(fd, mode) : SetModeOfOwnAt(dir, name, mode);
    if (!set.ok()) return set;
  }
  return fd >= 0 ? SetTimes(fd, st.st_atim, st.st_mtim)
                 : SetTimesAt(dir, name, st.st_atim, st.st_mtim);
}

namespace {

// What comes before the mode.
Status GiveOwnerAndXattrs(int dir, const std::string& name, int fd, const Given& given) {
  if (!given.owned) {
    auto status = GiveOwner(dir, name, fd, given.st);
    if (!status.ok()) return status;
  }
  for (const bool acls : {false, true}) {
    auto status = GiveXattrs(dir, name, fd, given.xattrs, acls);
    if (!status.ok()) return status;
  }
  return Done{};
}

}  // namespace

Status GiveAll(int dir, const std::string& name, int fd, const Given& given) {
  auto status = GiveOwnerAndXattrs(dir, name, fd, given);
  return status.ok() ? GiveModeAndTimes(dir, name, fd, given.st) : status;
}

mode_t ModeToMake(mode_t mode) {
  constexpr mode_t kNeeded = 0600;
  constexpr mode_t kUsual = 0755;
  const bool usual = (mode & kNeeded) == kNeeded && (mode & 07777 & ~kUsual) == 0;
  return usual ? mode & 07777 : kNeeded;
}

Result<struct stat> GiveAllToFile(int fd, const Given& given) {
  const mode_t mode = given.st.st_mode & 07777;
  const bool made_so = ModeToMake(mode) == mode;
  auto status = GiveOwnerAndXattrs(-1, "", fd, given);
  if (status.ok() && !made_so) status = SetMode(fd, mode);
  if (status.ok()) status = SetTimes(fd, given.st.st_atim, given.st.st_mtim);
  if (!status.ok()) return std::move(status.failure());
  auto made = StatFd(fd);
  if (made.ok() && made_so && (made.value().st_mode & 07777) != mode) {
    // The umask is another one.
    status = SetMode(fd, mode);
    if (!status.ok()) return std::move(status.failure());
    made = StatFd(fd);
  }
  if (made.ok() && (made.value().st_mode & 07777) != mode) {
    return Refusal(EPERM, "fchmod", "mode-not-taken");
  }
  return made;
}

}  // namespace ovl
