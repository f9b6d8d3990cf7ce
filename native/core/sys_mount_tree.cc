#include "core/sys_mount_tree.h"

#include <fcntl.h>

#include "core/raw_calls.h"

namespace ovl {

namespace {

using raw::kCloneTree;
using raw::kFromEmptyPath;
using raw::kToEmptyPath;
constexpr unsigned kBeneath = 0x200;

// No call knows this flag, and each looks at its flags before anything else but the privilege.
constexpr unsigned kNoSuchFlag = 0x40000000;

raw::MountAttr ToRaw(const MountAttributeChange& change) {
  return raw::MountAttr{change.set, change.clear, change.propagation, change.userns_fd};
}

}  // namespace

Result<UniqueFd> OpenTree(int dir, const std::string& path, uint32_t flags) {
  UniqueFd tree(raw::OpenTree(dir, path.c_str(), flags | raw::kOpenTreeCloexec));
  if (!tree) return Errno("open_tree", path);
  return tree;
}

Result<UniqueFd> OpenTreeAttr(int dir, const std::string& path, uint32_t flags,
                              const MountAttributeChange& change) {
  UniqueFd tree(raw::OpenTreeAttr(dir, path.c_str(), flags | raw::kOpenTreeCloexec, ToRaw(change)));
  if (!tree) return Errno("open_tree_attr", path);
  return tree;
}

Result<UniqueFd> OpenTreeClone(int fd) { return OpenTree(fd, "", kCloneTree | AT_EMPTY_PATH); }

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
  if (raw::MountSetattr(dir, path.c_str(), flags, ToRaw(change)) != 0) {
    return Errno("mount_setattr", path);
  }
  return Done{};
}

bool HaveMountCalls() {
  const auto knows = [](int answer) { return answer < 0 && errno == EINVAL; };
  return knows(raw::OpenTree(-1, "", kNoSuchFlag)) &&
         knows(raw::MoveMount(-1, "", -1, "", kNoSuchFlag)) &&
         knows(raw::Fsopen("tmpfs", kNoSuchFlag)) &&
         knows(raw::MountSetattr(-1, "", kNoSuchFlag, raw::MountAttr{}));
}

bool HaveMoveBeneath() {
  constexpr unsigned kFlags = kFromEmptyPath | kToEmptyPath | kBeneath;
  return raw::MoveMount(-1, "", -1, "", kFlags) < 0 && errno == EBADF;
}

}  // namespace ovl
