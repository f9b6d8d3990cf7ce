// What filesystems are good for, decided by what statfs(2) and FS_IOC_GETFLAGS say of them. Pure
// decisions, so that those that cannot be provoked on every machine can be tested.
#ifndef OVL_CORE_FILESYSTEM_FITNESS_H_
#define OVL_CORE_FILESYSTEM_FITNESS_H_

#include <sys/vfs.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/finding.h"

namespace ovl {

// An upper on such a filesystem: EINVAL "upper-remote" where one operation the kernel needs is
// known to be missing, a warning "upper-fuse" where it depends on the server.
std::optional<Finding> JudgeUpperType(unsigned long magic, const std::string& path);

// A lower on such a filesystem: "lower-on-proc" (it claims the greatest stacking depth),
// "lower-case-insensitive" (names are not compared as bytes).
std::optional<Finding> JudgeLowerType(unsigned long magic, const std::string& path);

// Whether the type of an entry comes with its name on every filesystem of that kind.
bool AlwaysTellsTypes(unsigned long magic);

// Flags of an inode, <linux/fs.h>.
inline constexpr unsigned kImmutable = 0x10;
inline constexpr unsigned kAppendOnly = 0x20;
inline constexpr unsigned kCasefold = 0x40000000;

// FS_IOC_GETFLAGS of an open directory; 0 where the filesystem has none.
unsigned InodeFlags(int fd);

struct FoldedLayer {
  std::string path;
  bool folded = false;
};
// Directories that fold case: all layers or none (Linux 6.17; older kernels take none).
std::optional<Finding> JudgeCaseFolding(const std::vector<FoldedLayer>& layers);

// The flags of a mount ("nosuid, noexec") that what is stacked on it does not take over, less those
// that the overlay is to have anyway (MOUNT_ATTR_*).
std::string FlagsNotKept(const struct statfs& fs, uint64_t attributes);

}  // namespace ovl

#endif  // OVL_CORE_FILESYSTEM_FITNESS_H_
