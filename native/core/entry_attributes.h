// The attributes of an entry besides its content: owner, extended attributes, mode, times; read
// from a layer as a mount shows them, and given to a new file in the order that keeps them.
#ifndef OVL_CORE_ENTRY_ATTRIBUTES_H_
#define OVL_CORE_ENTRY_ATTRIBUTES_H_

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/mark_reader.h"
#include "core/result.h"
#include "core/stack_lookup.h"

namespace ovl {

struct Xattr {
  std::string name;
  std::string value;
  bool operator==(const Xattr&) const = default;
};
using Xattrs = std::vector<Xattr>;  // in byte order of the names

// Which name an attribute gets that overlayfs had escaped ("overlay.overlay.x").
enum class XattrNames : uint8_t {
  kVisible,  // the one it has through the mount: for a tree that is no layer
  kStored,   // the one in the layer: for the layer below
};

Result<Xattrs> ReadXattrs(const LayerEntry& entry, const MarkReader& marks, XattrNames names);
// The same of what was found; where its list has been read already, that one serves.
Result<Xattrs> ReadXattrs(const Found& found, const MarkReader& marks, XattrNames names);

// What has to be done to a directory that has `before` so that it has `after`.
struct XattrChange {
  std::string name;
  bool had = false;
  bool has = false;
  std::string before;
  std::string after;
};
std::vector<XattrChange> CompareXattrs(const Xattrs& before, const Xattrs& after);

inline bool IsAcl(const std::string& name) { return name.starts_with("system.posix_acl_"); }

// Makes a directory (0700) in which what is made has nothing of it: no set-group-id bit, which
// hands the group on, nor another group than ours, which some mounts hand on (grpid of ext4 and
// xfs), nor an ACL. Of what a directory was made in it has all three.
Status MakeBareDirectoryAt(int dir, const std::string& name);

// Who makes new entries.
struct Maker {
  uid_t uid = ::geteuid();
  gid_t gid = ::getegid();
  // Whether an entry gets this owner by itself, made in a directory of the group `directory`: ours,
  // unless the mount hands on the group of directories (grpid of ext4 and xfs).
  bool Gives(const struct stat& st, gid_t directory) const {
    return st.st_uid == uid && st.st_gid == gid && directory == gid;
  }
};

// Gives a new file, directory or node, which was made in such a directory or below, is `name` in
// the directory `dir` and reached by nobody else: owner, then extended attributes (a change of
// owner takes capabilities away), then the mode (it takes set-id bits away as well, and an ACL has
// a say in it), then the times. `fd` is the open file, -1 where it is none.
struct Given {
  const struct stat& st;
  const Xattrs& xattrs;
  bool owned;  // it has its owner by itself: asking for it would take a privilege in some places
};
Status GiveOwner(int dir, const std::string& name, int fd, const struct stat& st);
Status GiveXattrs(int dir, const std::string& name, int fd, const Xattrs& xattrs, bool acls);
Status GiveModeAndTimes(int dir, const std::string& name, int fd, const struct stat& st);
Status GiveAll(int dir, const std::string& name, int fd, const Given& given);

// The mode to make a regular file with that is going to have `mode`: where the kernel can be
// expected to give it that at once, with the usual umask(2), it is not set a second time.
mode_t ModeToMake(mode_t mode);
// GiveAll of one that was made so, and what fstat(2) says of it then. EPERM with reason
// "mode-not-taken": whoever is not in the group of a file cannot give it the set-group-id bit, and
// is not told.
Result<struct stat> GiveAllToFile(int fd, const Given& given);

}  // namespace ovl

#endif  // OVL_CORE_ENTRY_ATTRIBUTES_H_
