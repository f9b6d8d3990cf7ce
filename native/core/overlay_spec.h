// What an overlay is to be: everything a caller can ask for, before any of it is looked at.
#ifndef OVL_CORE_OVERLAY_SPEC_H_
#define OVL_CORE_OVERLAY_SPEC_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/rootless_child.h"
#include "core/unique_fd.h"

namespace ovl {

// One range of ids: `count` ids from `from` on in the layer are seen as those from `to` on.
struct IdRange {
  uint32_t from = 0;
  uint32_t to = 0;
  uint32_t count = 0;
};

struct IdMap {
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
  bool empty() const { return uids.empty() && gids.empty(); }
};

// A directory that is to be a layer: by name, or open already (a directory, or the root of a
// detached mount). `path` is then what it is called in messages, and may be empty.
struct LayerSpec {
  std::string path;
  std::shared_ptr<UniqueFd> fd;
  // Where the layer was mounted by an ordinary user, and can be a layer only; shared with that
  // mount.
  std::shared_ptr<const UniqueFd> user_namespace;
  IdMap idmap;
};

// Where what is written goes.
enum class UpperKind : uint8_t {
  kNone,       // nowhere: a read-only view
  kDirectory,  // UpperSpec::path, which stays
  kTmpfs,      // a filesystem in memory that ends with the overlay
  kTemporary,  // a new directory below UpperSpec::path that is removed with the overlay
};

struct UpperSpec {
  UpperKind kind = UpperKind::kNone;
  std::string path;
  uint64_t size = 0;    // of a tmpfs, in bytes; 0: the kernel's default, half of the memory
  uint64_t inodes = 0;  // of a tmpfs; 0: the kernel's default
  bool init = false;    // give an upper that exists the attributes of the lower's root as well
};

// The interface of the kernel that makes the mount.
enum class MountInterface : uint8_t {
  kAuto,
  kFsopen,       // fsopen(2) and its like
  kMount,        // mount(2)
  kFsopenNames,  // the first, with layers by name, as the kernel wants it before Linux 6.13
};

// Options of the kernel's overlayfs. Nothing: what we pin, or the kernel's default.
struct FeatureSpec {
  std::optional<std::string> redirect_dir;
  std::optional<std::string> index;
  std::optional<std::string> metacopy;
  std::optional<std::string> xino;
  std::optional<std::string> nfs_export;
  std::optional<std::string> uuid;
  std::optional<std::string> verity;
  bool is_volatile = false;
  std::optional<bool> userxattr;  // nothing: where trusted.* cannot be written
  bool default_permissions = false;
  std::optional<bool> override_creds;
  std::vector<std::string> extra;  // "key" or "key=value", as they are
};

struct OverlaySpec {
  std::vector<LayerSpec> lower;       // top-most first, at least one
  std::vector<LayerSpec> data_lower;  // data-only
  UpperSpec upper;
  std::optional<std::string> work;    // nothing: "<upper>.work"
  std::optional<std::string> target;  // nothing: a detached mount
  // Where the user may not mount: one that he has made, or that of another overlay of his, so that
  // both can be attached for one program. Null: a namespace of its own, with his own ids.
  std::shared_ptr<const UniqueFd> user_namespace;
  // An overlay of a session: where programs will see it. It allows no more than what is mounted
  // there (nosuid, nodev, noexec), and its upper and workdir lie in a directory that the caller has
  // locked, so that directories that have just been made there are nobody else's.
  std::optional<std::string> seen_on;
  bool beneath = false;  // below what is mounted on the target now
  FeatureSpec features;
  uint64_t attributes = 0;  // MOUNT_ATTR_*, see sys_mount_tree.h
  uint64_t propagation =
      0;  // MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE; 0: as the kernel has it
  MountInterface interface = MountInterface::kAuto;
  bool lowerdir_text = false;   // one lowerdir= string, for software that reads it back
  bool accept_unclean = false;  // use an upper that a volatile mount left behind
};

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_SPEC_H_
