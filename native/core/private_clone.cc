#include "core/private_clone.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <atomic>
#include <utility>

#include "core/sys_file.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

// Each takes a descriptor. An overlay can have 500 layers, and a process 1024 descriptors: with so
// many layers most of them go without.
constexpr int kMostAttached = 64;
std::atomic<int> attached{0};

}  // namespace

class AttachedClone {
 public:
  explicit AttachedClone(UniqueFd tree) : tree_(std::move(tree)) {}
  ~AttachedClone() { attached.fetch_sub(1, std::memory_order_relaxed); }
  AttachedClone(const AttachedClone&) = delete;
  AttachedClone& operator=(const AttachedClone&) = delete;

  static AttachedClonePtr Keep(UniqueFd tree) {
    if (attached.fetch_add(1, std::memory_order_relaxed) < kMostAttached) {
      // A copy of a shared mount is shared too: what is mounted on the other would be here as well.
      const MountAttributeChange alone{0, 0, MS_PRIVATE, 0};
      if (MountSetattr(tree.get(), "", AT_EMPTY_PATH, alone).ok()) {
        return std::make_shared<const AttachedClone>(std::move(tree));
      }
    }
    attached.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }

 private:
  UniqueFd tree_;
};

Result<DirectoryInClone> OpenInPrivateClone(int dir) {
  auto clone = OpenTreeClone(dir);
  auto fd = OpenDirectoryAt(clone.ok() ? clone.value().get() : dir, ".");
  if (!fd.ok()) return std::move(fd.failure());
  DirectoryInClone opened{std::move(fd.value()), nullptr};
  if (clone.ok()) opened.clone = AttachedClone::Keep(std::move(clone.value()));
  return opened;
}

Result<PrivateClone::Made> PrivateClone::Of(int dir) {
  const std::lock_guard lock(mutex_);
  if (!made_.fd) {
    auto made = OpenInPrivateClone(dir);
    if (!made.ok()) return std::move(made.failure());
    made_ = std::move(made.value());
  }
  return Made{made_.fd.get(), made_.clone};
}

}  // namespace ovl
