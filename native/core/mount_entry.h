// One mount, as the table of mounts has it. Every text is bytes, with nothing escaped.
#ifndef OVL_CORE_MOUNT_ENTRY_H_
#define OVL_CORE_MOUNT_ENTRY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace ovl {

// Where what is mounted below a mount shows up as well: mount_namespaces(7). Group ids, 0 for none.
struct Propagation {
  uint64_t peer_group = 0;      // it is shared, with the others of this group
  uint64_t master = 0;          // it receives from this group
  uint64_t propagate_from = 0;  // the nearest group that does, where the master has no mount here
  bool unbindable = false;
};

struct MountEntry {
  uint64_t id = 0;         // of the table; used again after an unmount
  uint64_t unique_id = 0;  // never used again; 0 where it is not known
  uint64_t parent = 0;     // of the table
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::string root;           // the directory of the filesystem that is mounted
  bool root_deleted = false;  // which has been removed since; `root` is what it was called
  std::string target;         // the mount point, relative to the process's root
  std::string mount_options;  // of this mount ("rw,nosuid")
  Propagation propagation;
  std::string fstype;  // with its subtype ("fuse.sshfs")
  std::string source;
  std::vector<std::string> super_options;  // of the filesystem, "rw" or "ro" first
};

// Takes the mark off that the kernel writes behind the path of a removed directory. No path can end
// like that by itself.
inline bool TakeDeletedMark(std::string& root) {
  static constexpr char kMark[] = "//deleted";
  if (!root.ends_with(kMark)) return false;
  root.resize(root.size() - (sizeof kMark - 1));
  return true;
}

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_ENTRY_H_
