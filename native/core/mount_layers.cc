#include "core/mount_layers.h"

#include <sys/mount.h>

#include <utility>
#include <vector>

#include "core/mount_table.h"
#include "core/overlay_magic.h"
#include "core/overlay_options.h"
#include "core/overlay_unmount.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_namespace.h"

namespace ovl {

namespace {

struct FoundMount {
  MountIds ids;
  std::string target;  // resolved
  OverlayOptions options;
};

Result<FoundMount> FindOverlay(const std::string& target) {
  auto fd = OpenPath(target);
  if (!fd.ok()) return std::move(fd.failure());
  auto ids = IdsOf(fd.value().get());
  if (!ids.ok()) return std::move(ids.failure());
  auto fs = StatFs(fd.value().get());
  if (!fs.ok()) return std::move(fs.failure());
  if (!IsOverlay(fs.value())) return Refusal(EINVAL, "statfs", "not-overlay", target);
  if (!ids.value().identity.root) return Refusal(EINVAL, "statx", "not-mount-root", target);
  auto place = PathOfFd(fd.value().get());
  if (!place.ok()) return std::move(place.failure());
  auto table = ReadMountTable();
  if (!table.ok()) return std::move(table.failure());
  for (const MountEntry& entry : table.value()) {
    if (entry.id != ids.value().table_id) continue;
    return FoundMount{ids.value(), place.value(), ParseOverlayOptions(entry.super_options)};
  }
  return Refusal(ENOENT, "read", "not-in-table", target);
}

// Whether a layer's path leads into the overlay that covers it.
Result<bool> IsCovered(int layer, const MountIds& overlay) {
  auto identity = IdentifyMount(layer);
  if (!identity.ok()) return std::move(identity.failure());
  return identity.value().id == overlay.identity.id;
}

class Opener {
 public:
  explicit Opener(const FoundMount& mount) : mount_(mount) {
    paths_ = mount.options.lower;
    paths_.insert(paths_.end(), mount.options.data_only.begin(), mount.options.data_only.end());
    lowers_.resize(paths_.size());
  }

  // Opens what can be opened here, then the covered ones in a namespace without the overlay.
  Result<Layers> Open() {
    if (!mount_.options.upper) return Refusal(EINVAL, "mount", "no-upper", mount_.target);
    for (const std::string& path : paths_) {
      if (path.empty() || path[0] != '/') {
        return Refusal(EINVAL, "open", "layer-relative", path, mount_.target);
      }
    }
    bool any_covered = false;
    for (size_t i = 0; i < paths_.size(); ++i) {
      auto status = OpenHere(i, any_covered);
      if (!status.ok()) return std::move(status.failure());
    }
    if (any_covered) {
      auto status = InPrivateMountNamespace([this] { return OpenCovered(); });
      if (!status.ok()) {
        if (*status.failure().reason == '\0') {
          status.failure().reason = "hidden-lower";
          status.failure().path = mount_.target;
        }
        return std::move(status.failure());
      }
    }
    Layers layers;
    layers.space = mount_.options.userxattr ? MarkerSpace::kUser : MarkerSpace::kTrusted;
    layers.data_only = mount_.options.data_only.size();
    layers.lowers = std::move(lowers_);
    auto upper = OpenLayer(*mount_.options.upper, LayerDir::kUpper);
    if (!upper.ok()) return Named(std::move(upper.failure()));
    layers.upper = std::move(upper.value());
    return layers;
  }

 private:
  // A layer's path may mean nothing here: the mount could have been made in another namespace.
  static Failure Named(Failure failure) {
    if (failure.err == ENOENT) failure.reason = "layer-unreachable";
    return failure;
  }

  Status OpenHere(size_t i, bool& any_covered) {
    auto fd = OpenDirectory(paths_[i]);
    if (!fd.ok()) {
      // Below the target the path may have been deleted in the overlay and still be in the lower.
      const bool below = paths_[i].starts_with(mount_.target + "/");
      if (fd.failure().err != ENOENT || !below) return Named(std::move(fd.failure()));
      any_covered = true;
      return Done{};
    }
    auto covered = IsCovered(fd.value().get(), mount_.ids);
    if (!covered.ok()) return std::move(covered.failure());
    if (covered.value()) {
      any_covered = true;
      return Done{};
    }
    return Take(i, fd.value().get());
  }

  // Runs in the private namespace, where the path of the mount point leads to a copy of the
  // overlay.
  Status OpenCovered() {
    auto unmounted = Umount(mount_.target, MNT_DETACH | UMOUNT_NOFOLLOW);
    if (!unmounted.ok()) return unmounted;
    for (size_t i = 0; i < paths_.size(); ++i) {
      if (lowers_[i]) continue;
      auto fd = OpenDirectory(paths_[i]);
      if (!fd.ok()) return Named(std::move(fd.failure()));
      auto status = Take(i, fd.value().get());
      if (!status.ok()) return status;
    }
    return Done{};
  }

  Status Take(size_t i, int fd) {
    auto dir = OpenLayerFd(fd, static_cast<uint32_t>(i), paths_[i]);
    if (!dir.ok()) return std::move(dir.failure());
    lowers_[i] = std::move(dir.value());
    return Done{};
  }

  const FoundMount& mount_;
  std::vector<std::string> paths_;
  DirStack lowers_;
};

}  // namespace

Result<Layers> OpenMountLayers(const std::string& target) {
  auto mount = FindOverlay(target);
  if (!mount.ok()) return std::move(mount.failure());
  return Opener(mount.value()).Open();
}

}  // namespace ovl
