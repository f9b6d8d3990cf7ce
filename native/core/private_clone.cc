#include "core/private_clone.h"

#include "core/sys_file.h"
#include "core/sys_mount_tree.h"

namespace ovl {

Result<UniqueFd> OpenInPrivateClone(int dir) {
  auto clone = OpenTreeClone(dir);
  return OpenDirectoryAt(clone.ok() ? clone.value().get() : dir, ".");
}

Result<int> PrivateClone::Of(int dir) {
  const std::lock_guard lock(mutex_);
  if (!fd_) {
    auto made = OpenInPrivateClone(dir);
    if (!made.ok()) return std::move(made.failure());
    fd_ = std::move(made.value());
  }
  return fd_.get();
}

}  // namespace ovl
