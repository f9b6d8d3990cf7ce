// Which layer lies inside which, as overlayfs sees it: along the directories of a filesystem and
// not along those of the mount table. A lower below a mount point of another lower is no overlap;
// two bind mounts of which one shows a part of the other are.
#ifndef OVL_CORE_LAYER_ANCESTRY_H_
#define OVL_CORE_LAYER_ANCESTRY_H_

#include <sys/types.h>

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "core/layer_place.h"
#include "core/mount_table.h"

namespace ovl {

struct FileId {
  dev_t dev = 0;
  ino_t ino = 0;
  auto operator<=>(const FileId&) const = default;
};

struct Ancestry {
  // By device and inode, since two names may lead to one directory: what exists of the place, and
  // the directories above it up to the root of its mount.
  std::vector<FileId> chain;
  std::string missing;  // what does not exist yet below chain.front()
  // The path inside the filesystem, of which the mount may show a part; "" where the table does not
  // have the mount.
  std::string inside;
};

// Component by component: "ab" is not below "a".
bool NamesWithin(std::string_view inner, std::string_view outer);

// The path inside the filesystem of what has this path on a mount; "" where it is not on it.
std::string InsidePath(const MountEntry& mount, std::string_view path);

Ancestry AncestryOf(const LayerPlace& place, const std::vector<MountEntry>& table);

// Whether `inner` is `outer` or lies somewhere below it.
bool IsWithin(const Ancestry& inner, const Ancestry& outer);

}  // namespace ovl

#endif  // OVL_CORE_LAYER_ANCESTRY_H_
