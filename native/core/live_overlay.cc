#include "core/live_overlay.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <string_view>
#include <utility>

#include "core/mount_place.h"
#include "core/overlay_refresh.h"
#include "core/own_descriptors.h"
#include "core/patience.h"
#include "core/sys_file.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "core/sys_superblock.h"
#include "core/tree_removal.h"
#include "core/upper_trial.h"
#include "core/volatile_marker.h"

namespace ovl {

LiveOverlay::LiveOverlay(const MountIds& ids, UniqueFd mount, std::string target,
                         std::shared_ptr<const UniqueFd> user_namespace, Leftovers leftovers,
                         std::optional<UpperGuard> guard)
    : ids_(ids),
      mount_(std::move(mount)),
      target_(std::move(target)),
      user_namespace_(std::move(user_namespace)),
      leftovers_(std::move(leftovers)),
      guard_(std::move(guard)) {}

Result<std::string> LiveOverlay::Attach(const std::string& target, bool beneath,
                                        uint64_t propagation) {
  const std::lock_guard lock(mutex_);
  if (unmounted_) return Refusal(EBADF, "move_mount", "closed", "", target);
  if (!mount_) return Refusal(EINVAL, "move_mount", "attached", target_, target);
  if (user_namespace_) return Refusal(EPERM, "move_mount", "rootless-attach", "", target);
  auto place = OpenPlace(target);
  if (!place.ok()) return std::move(place.failure());
  auto recorded = RecordPlace(place.value().path);
  if (!recorded.ok()) return std::move(recorded.failure());
  auto attached = AttachMount(mount_.get(), place.value(), beneath, propagation);
  if (!attached.ok()) {
    if (std::string_view(attached.failure().reason) == "left-mounted") {
      target_ = place.value().path;
      TakeMount().Reset();
    } else {
      // What matters is the failure of attaching; the lease only says who.
      (void)RecordPlace("");
    }
    return std::move(attached.failure());
  }
  TakeMount().Reset();  // it would keep the mount busy
  target_ = place.value().path;
  if (guard_) guard_->LeaveToKernel();
  return target_;
}

UniqueFd LiveOverlay::TakeMount() {
  const std::lock_guard lock(quick_);
  return std::move(mount_);
}

// From now on the mount outlives this object, and the lease says where.
Status LiveOverlay::RecordPlace(const std::string& place) {
  if (!guard_) return Done{};
  auto holder = DescribeCaller();
  if (!holder.ok()) return std::move(holder.failure());
  holder.value().mount_id = ids_.identity.unique ? ids_.identity.id : 0;
  holder.value().target = place;
  holder.value().is_volatile = leftovers_.is_volatile;
  return guard_->Record(holder.value());
}

Status LiveOverlay::Close(const CloseRequest& request) {
  const std::lock_guard lock(mutex_);
  // Its users would lose the directory that their files are written to.
  if (request.lazy && !leftovers_.temporary.empty() && !unmounted_ && !target_.empty()) {
    return Refusal(ENOTSUP, "umount2", "lazy-temporary", target_);
  }
  if (!unmounted_) {
    auto status = Unmount(request.lazy);
    if (!status.ok()) return status;
    unmounted_ = true;
    const std::lock_guard quick(quick_);
    user_namespace_.reset();
  }
  return CleanUp(request);
}

Status LiveOverlay::Unmount(bool lazy) {
  lazily_ = lazy;
  if (mount_) {
    TakeMount().Reset();
    return Done{};
  }
  return UnmountExactly(target_, ids_, lazy ? MNT_DETACH : 0);
}

// That the mount is gone from its place does not say so: who has a file open, or another mount
// namespace a copy, writes on. That the whole overlay is gone does, and is asked first: it takes
// one call, and no privilege. Then the kernel is asked, and where that cannot be done this process.
Status LiveOverlay::CheckUnused() const {
  Patience patience;
  do {
    if (IsFilesystemGone(ids_.identity.device)) return Done{};
    const auto use = AskKernel(leftovers_.upper.get(), leftovers_.work.get(), OwnMountPrivilege());
    const bool used = use ? *use != UseOfUpper::kFree : HoldsMount(ids_.identity.id);
    if (!used) return Done{};
  } while (patience.Another());
  return Refusal(EBUSY, "umount2", "still-used", leftovers_.upper_path);
}

Status LiveOverlay::CleanUp(const CloseRequest& request) {
  if (!leftovers_.temporary.empty()) {
    auto unused = CheckUnused();
    if (!unused.ok()) return unused;
    auto removed = RemoveTree(leftovers_.temporary);
    if (!removed.ok()) return removed;
    leftovers_.temporary.clear();
  } else if (leftovers_.is_volatile && leftovers_.upper && request.sync && !lazily_) {
    // The kernel syncs nothing for such a mount, and leaves its mark: without both, the upper could
    // not be mounted again, or not be trusted after a crash. Who detached it lazily may still be
    // writing, so there the mark stays.
    auto unused = CheckUnused();
    if (!unused.ok()) return unused;
    auto synced = SyncFilesystem(leftovers_.upper.get(), leftovers_.upper_path);
    if (!synced.ok()) return synced;
    auto removed = RemoveVolatileMarker(leftovers_.work.get(), leftovers_.work_path);
    if (!removed.ok()) return removed;
  }
  leftovers_.upper.Reset();
  leftovers_.work.Reset();
  GiveBack();
  return Done{};
}

// Who still uses an overlay that was detached lazily, or through an open file, keeps its upper. The
// kernel knows, if it can be asked; else the lock stays until this process has nothing open there.
void LiveOverlay::GiveBack() {
  if (!guard_) return;
  if (!guard_->kernel_knows() && !IsFilesystemGone(ids_.identity.device) &&
      HoldsMount(ids_.identity.id)) {
    ParkGuard(std::move(*guard_), ids_.identity.id);
  } else if (!lazily_) {
    guard_->Release();
  }
  guard_.reset();
}

Status LiveOverlay::Refresh() {
  const std::lock_guard lock(mutex_);
  if (unmounted_) return Refusal(EBADF, "fspick", "closed");
  if (user_namespace_) return Refusal(EPERM, "fspick", "rootless-refresh");
  if (mount_) return RefreshOverlay(mount_.get());
  auto root = OpenTarget();
  if (!root.ok()) return std::move(root.failure());
  return RefreshOverlay(root.value().get());
}

Result<UniqueFd> LiveOverlay::OpenRoot() {
  const std::lock_guard lock(mutex_);
  if (unmounted_) return Refusal(EBADF, "open", "closed");
  return OpenTarget();
}

Result<UniqueFd> LiveOverlay::OpenTarget() const {
  auto fd = OpenDirectory(target_);
  if (!fd.ok() && fd.failure().err != ENOENT) return fd;
  if (fd.ok()) {
    auto there = IdentifyMount(fd.value().get());
    if (!there.ok()) return std::move(there.failure());
    if (there.value().id == ids_.identity.id && there.value().root) return fd;
  }
  return Refusal(ENOENT, "open", "not-at-target", target_);
}

std::shared_ptr<const UniqueFd> LiveOverlay::user_namespace() {
  const std::lock_guard lock(quick_);
  return user_namespace_;
}

int LiveOverlay::mount_fd() {
  const std::lock_guard lock(quick_);
  return mount_.get();
}

}  // namespace ovl
