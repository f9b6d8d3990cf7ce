#include "core/mount_layers.h"

#include <sys/mount.h>

#include <string_view>
#include <utility>
#include <vector>

#include "core/mount_table.h"
#include "core/overlay_magic.h"
#include "core/overlay_options.h"
#include "core/overlay_plan.h"
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
  // It was mounted where the other mounts of this namespace were already.
  bool last = false;
};

// A new mount namespace has copies of all mounts, which are younger than an overlay that was made
// before and then moved into it (as into the view of a sandbox): there the order says nothing.
Result<bool> IsYoungerThanItsPlace(const FoundMount& mount) {
  if (!mount.ids.identity.unique || mount.target == "/") return false;
  auto above = OpenPath(mount.target + "/..");
  if (!above.ok()) return std::move(above.failure());
  auto place = IdentifyMount(above.value().get());
  if (!place.ok()) return std::move(place.failure());
  return place.value().id < mount.ids.identity.id;
}

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
  auto entry = FindMountOf(fd.value().get());
  if (!entry.ok()) return std::move(entry.failure());
  if (!entry.value()) return Refusal(ENOENT, "read", "not-in-table", target);
  FoundMount found{ids.value(), place.value(), ParseOverlayOptions(entry.value()->super_options)};
  auto last = IsYoungerThanItsPlace(found);
  if (!last.ok()) return std::move(last.failure());
  found.last = last.value();
  return found;
}

class Opener {
 public:
  explicit Opener(const FoundMount& mount) : mount_(mount) {
    const OverlayOptions& options = mount.options;
    paths_ = options.lower;
    paths_.insert(paths_.end(), options.data_only.begin(), options.data_only.end());
    if (options.upper) paths_.push_back(*options.upper);
    // nfs_export implies it. Where the filesystems are not up to it the mount says "off".
    indexed_ = options.work && (EffectiveOption(options, "index") == "on" ||
                                EffectiveOption(options, "nfs_export") == "on");
    if (indexed_) paths_.push_back(*options.work);
    layers_.resize(paths_.size());
  }

  // Opens what can be opened here, then the covered ones in a namespace without the overlay.
  Result<Layers> Open() {
    if (!mount_.options.upper) return Refusal(EINVAL, "mount", "no-upper", mount_.target);
    if (mount_.options.upper->ends_with(std::string("/") + kScratchUpper)) {
      return Refusal(ENOTSUP, "open", "upper-in-memory", mount_.target);
    }
    for (const std::string& path : paths_) {
      if (path.empty() || path[0] != '/') {
        return Refusal(EINVAL, "open", "layer-relative", path, mount_.target);
      }
    }
    bool any_covered = false;
    for (size_t i = 0; i < paths_.size(); ++i) {
      auto covered = OpenHere(i);
      if (!covered.ok()) return std::move(covered.failure());
      any_covered = any_covered || covered.value();
    }
    if (any_covered) {
      auto status = InPrivateMountNamespace([this] { return OpenCovered(); });
      if (!status.ok()) return Explained(std::move(status.failure()));
    }
    Layers layers;
    layers.marks =
        MarkReader::Decided(mount_.options.userxattr ? MarkerSpace::kUser : MarkerSpace::kTrusted);
    layers.marks.FollowRedirects(EffectiveOption(mount_.options, "redirect_dir") != "nofollow");
    layers.marks.FollowMetacopies(EffectiveOption(mount_.options, "metacopy") == "on");
    layers.data_only = mount_.options.data_only.size();
    if (indexed_) {
      layers.index_use = IndexUse::kRead;
      layers.index = std::move(layers_.back());
      layers_.pop_back();
    }
    layers.upper = std::move(layers_.back());
    layers_.pop_back();
    layers.lowers = std::move(layers_);
    return layers;
  }

 private:
  // A layer's path may mean nothing here: the mount could have been made in another namespace.
  static Failure Named(Failure failure) {
    if (failure.err == ENOENT) failure.reason = "layer-unreachable";
    return failure;
  }

  Failure Explained(Failure failure) const {
    if (failure.err == EPERM && std::string_view(failure.call) == "unshare") {
      failure.reason = "hidden-lower";
      failure.path = mount_.target;
    }
    return failure;
  }

  bool LiesBelowTarget(const std::string& path) const {
    return path.starts_with(mount_.target == "/" ? "/" : mount_.target + "/");
  }

  // True if the overlay itself covers the layer. Below the target the overlay may also show no such
  // path (it was deleted there), a file on the way, or ELOOP (the kernel's answer where a lookup
  // from below meets the upper).
  Result<bool> OpenHere(size_t i) {
    auto fd = OpenDirectory(paths_[i]);
    if (!fd.ok()) {
      const int err = fd.failure().err;
      const bool hidden = err == ENOENT || err == ENOTDIR || err == ELOOP;
      if (hidden && LiesBelowTarget(paths_[i])) return true;
      return Named(std::move(fd.failure()));
    }
    auto identity = IdentifyMount(fd.value().get());
    if (!identity.ok()) return std::move(identity.failure());
    const MountIdentity& overlay = mount_.ids.identity;
    if (identity.value().id == overlay.id) return true;
    // What was mounted after the overlay cannot be what the overlay was made of.
    if (mount_.last && identity.value().id > overlay.id) {
      return Refusal(ENOTSUP, "statx", "layer-covered", paths_[i], mount_.target);
    }
    auto status = Take(i, fd.value().get());
    if (!status.ok()) return std::move(status.failure());
    return false;
  }

  // Runs in the private namespace, where the path of the mount point leads to a copy of the
  // overlay.
  Status OpenCovered() {
    auto unmounted = Umount(mount_.target, MNT_DETACH | UMOUNT_NOFOLLOW);
    if (!unmounted.ok()) return unmounted;
    for (size_t i = 0; i < paths_.size(); ++i) {
      if (layers_[i]) continue;
      auto fd = OpenDirectory(paths_[i]);
      if (!fd.ok()) return Named(std::move(fd.failure()));
      auto status = Take(i, fd.value().get());
      if (!status.ok()) return status;
    }
    return Done{};
  }

  Status Take(size_t i, int fd) {
    const size_t lowers = mount_.options.lower.size() + mount_.options.data_only.size();
    auto dir =
        i > lowers
            ? OpenIndex(fd, paths_[i])
            : OpenLayerFd(fd, i == lowers ? LayerDir::kUpper : static_cast<uint32_t>(i), paths_[i]);
    if (!dir.ok()) return std::move(dir.failure());
    layers_[i] = std::move(dir.value());
    return Done{};
  }

  const FoundMount& mount_;
  std::vector<std::string> paths_;  // lowers, data-only lowers, the upper, perhaps the workdir
  bool indexed_ = false;
  DirStack layers_;
};

}  // namespace

Result<Layers> OpenMountLayers(const std::string& target) {
  auto mount = FindOverlay(target);
  if (!mount.ok()) return std::move(mount.failure());
  return Opener(mount.value()).Open();
}

}  // namespace ovl
