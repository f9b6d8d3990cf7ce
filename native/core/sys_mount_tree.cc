#include "core/sys_mount_tree.h"

#include <fcntl.h>

#include "core/raw_calls.h"

namespace ovl {

namespace {

constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kOpenTreeCloexec = O_CLOEXEC;
constexpr unsigned kFromEmptyPath = 0x4;
constexpr unsigned kToEmptyPath = 0x40;
constexpr unsigned kBeneath = 0x200;

}  // namespace

Result<UniqueFd> OpenTree(int dir, const std::string& path, uint32_t flags) {
  UniqueFd tree(raw::OpenTree(dir, path.c_str(), flags | kOpenTreeCloexec));
  if (!tree) return Errno("open_tree", path);
  return tree;
}

Result<UniqueFd> OpenTreeClone(int fd) { return OpenTree(fd, "", kOpenTreeClone | AT_EMPTY_PATH); }

Status MoveMount(int from, int to, bool beneath, const std::string& dest) {
  const unsigned flags = kFromEmptyPath | kToEmptyPath | (beneath ? kBeneath : 0U);
  if (raw::MoveMount(from, "", to, "", flags) != 0) return Errno("move_mount", "", dest);
  return Done{};
}

Status MoveMountAt(int from_dir, const std::string& from, int to_dir, const std::string& to,
                   uint32_t flags) {
  if (raw::MoveMount(from_dir, from.c_str(), to_dir, to.c_str(), flags) != 0) {
    return Errno("move_mount", from, to);
  }
  return Done{};
}

Status MountSetattr(int dir, const std::string& path, uint32_t flags,
                    const MountAttributeChange& change) {
  const raw::MountAttr attr{change.set, change.clear, change.propagation, change.userns_fd};
  if (raw::MountSetattr(dir, path.c_str(), flags, attr) != 0) return Errno("mount_setattr", path);
  return Done{};
}

}  // namespace ovl
