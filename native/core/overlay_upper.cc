#include "core/overlay_upper.h"

#include <utility>

#include "core/overlay_plan.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/volatile_marker.h"

namespace ovl {

Status OverlayUpper::Prepare(int user_namespace, Layers& layers, std::vector<Notice>& warnings) {
  UpperSpec upper = spec_.upper;
  std::optional<std::string> work = spec_.work;
  switch (spec_.upper.kind) {
    case UpperKind::kNone:
      return Done{};
    case UpperKind::kDirectory:
      break;
    case UpperKind::kTmpfs:
      if (decision_.interface == MountInterface::kFsopen) {
        return scratch_attributes_.Read(lowers_.front().fd.get(), decision_.space);
      } else {
        auto mounted = tmpfs_.Mount(spec_.upper);
        if (!mounted.ok()) return mounted;
        upper.path = tmpfs_.path() + "/" + kScratchUpper;
        work = tmpfs_.path() + "/" + kScratchWork;
      }
      break;
    case UpperKind::kTemporary: {
      auto made = temporary_.Make(spec_.upper.path);
      if (!made.ok()) return made;
      upper.path = temporary_.path() + "/upper";
      work = temporary_.path() + "/work";
      break;
    }
  }
  auto dirs = PrepareUpper(upper, work, spec_.accept_unclean, decision_.space, created_);
  if (!dirs.ok()) return std::move(dirs.failure());
  dirs_ = std::move(dirs.value());
  // Nobody knows an ephemeral one.
  if (spec_.upper.kind == UpperKind::kDirectory) {
    auto guarded = Guard();
    if (!guarded.ok()) return guarded;
  }
  if (dirs_.fresh || upper.init) {
    auto status = GiveAttributes(user_namespace, warnings);
    if (!status.ok()) return status;
  }
  return OpenLayer(layers);
}

Status OverlayUpper::OpenScratch(Layers& layers, std::vector<Notice>& warnings) {
  scratch_attributes_.AddWarnings("tmpfs", warnings);
  return OpenLayer(layers);
}

Status OverlayUpper::AcceptUnclean() {
  if (!spec_.accept_unclean || !dirs_.work_fd) return Done{};
  auto marked = HasVolatileMarker(dirs_.work_fd.get(), dirs_.work);
  if (!marked.ok()) return std::move(marked.failure());
  if (!marked.value()) return Done{};
  auto synced = SyncFilesystem(dirs_.upper_fd.get(), dirs_.upper);
  if (!synced.ok()) return synced;
  accepted_ = true;
  return RemoveVolatileMarker(dirs_.work_fd.get(), dirs_.work);
}

Status OverlayUpper::Guard() {
  const int upper = dirs_.upper_fd.get();
  const int work = dirs_.work_fd.get();
  const bool nobody_else = spec_.seen_on && dirs_.fresh && dirs_.fresh_work;
  auto guard = nobody_else
                   ? UpperGuard::Lock(upper, work, dirs_.upper, dirs_.work)
                   : UpperGuard::Acquire(upper, work, dirs_.upper, dirs_.work, decision_.own);
  if (!guard.ok()) return std::move(guard.failure());
  guard_ = std::move(guard.value());
  if (!spec_.seen_on) {
    auto drafted = guard_->DraftLease();
    if (!drafted.ok()) return drafted;
  }
  const auto mount = IdentifyMount(dirs_.work_fd.get());
  if (!mount.ok()) return mount.failure();
  guarded_mount_ = mount.value().id;
  return Done{};
}

Status OverlayUpper::GiveAttributes(int user_namespace, std::vector<Notice>& warnings) {
  RootAttributes attributes;
  auto status = attributes.Read(lowers_.front().fd.get(), decision_.space);
  if (!status.ok()) return status;
  return attributes.Give(dirs_.upper_fd.get(), dirs_.upper, user_namespace, warnings);
}

// Before anything is attached: then nothing can fail that would have to be undone.
Status OverlayUpper::OpenLayer(Layers& layers) {
  const std::string name = dirs_.upper.empty() ? "tmpfs" : dirs_.upper;
  const int fd = dirs_.upper_fd.get();
  auto upper = guarded_mount_ ? HoldLayerFd(fd, LayerDir::kUpper, name)
                              : OpenLayerFd(fd, LayerDir::kUpper, name);
  if (!upper.ok()) return std::move(upper.failure());
  layers.upper = std::move(upper.value());
  return Done{};
}

Status OverlayUpper::Record(const MountIds& ids, const std::string& target) {
  if (!guard_ || spec_.seen_on) return Done{};  // who has a session shows in its own lock
  auto holder = DescribeCaller();
  if (!holder.ok()) return std::move(holder.failure());
  holder.value().mount_id = ids.identity.unique ? ids.identity.id : 0;
  holder.value().target = target;
  holder.value().is_volatile = decision_.features.is_volatile;
  return guard_->Record(holder.value());
}

Status OverlayUpper::TakeOffTmpfs() {
  if (!tmpfs_.mounted()) return Done{};
  return tmpfs_.TakeOff();
}

Leftovers OverlayUpper::Finish() {
  Leftovers leftovers;
  leftovers.is_volatile = decision_.features.is_volatile;
  leftovers.upper_path = dirs_.upper;
  leftovers.work_path = dirs_.work;
  if (spec_.target && guard_) guard_->LeaveToKernel();
  if (spec_.upper.kind != UpperKind::kNone) {
    if (decision_.features.is_volatile && spec_.upper.kind != UpperKind::kTmpfs) {
      leftovers.upper = std::move(dirs_.upper_fd);
      leftovers.work = std::move(dirs_.work_fd);
    }
    leftovers.temporary = temporary_.Keep();
  }
  created_.Keep();
  return leftovers;
}

void OverlayUpper::Keep() {
  created_.Keep();
  (void)temporary_.Keep();
}

void OverlayUpper::PutBack(bool made) {
  if (!dirs_.work_fd) return;
  // What is being reported matters more than what fails here; the next mount explains what it
  // meets. The lock goes last: others could mount meanwhile, and the mark would be theirs.
  if (accepted_) {
    (void)PutVolatileMarker(dirs_.work_fd.get(), dirs_.work);
  } else if (decision_.features.is_volatile && made) {
    (void)RemoveVolatileMarker(dirs_.work_fd.get(), dirs_.work);
  }
  if (guard_) guard_->Release();
  guard_.reset();
}

}  // namespace ovl
