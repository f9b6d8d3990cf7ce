#include "core/apply_checks.h"

#include <algorithm>
#include <utility>

#include "core/layer_ancestry.h"
#include "core/mount_table.h"
#include "core/mount_views.h"
#include "core/overlay_options.h"
#include "core/sys_file.h"
#include "core/sys_privilege.h"
#include "core/upper_search.h"
#include "core/upper_trial.h"

namespace ovl {

namespace {

// The directories from the destination up to the root of its mount.
Result<std::vector<FileId>> ChainOf(const Destination& destination) {
  auto place = FindPlace(destination.path);
  if (!place.ok()) return std::move(place.failure());
  return AncestryOf(place.value(), {}).chain;
}

// Relative to a resolved path; nothing where it is not below.
std::string Below(const std::string& path, const std::string& root) {
  const std::string prefix = root == "/" ? root : root + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : std::string();
}

struct MountedLayer {
  std::string path;
  bool upper = false;
};

std::vector<MountedLayer> LayersOf(const MountEntry& entry) {
  const OverlayOptions options = ParseOverlayOptions(entry.super_options);
  std::vector<MountedLayer> layers;
  for (const std::string& lower : options.lower) layers.push_back({lower, false});
  for (const std::string& lower : options.data_only) layers.push_back({lower, false});
  if (options.upper) layers.push_back({*options.upper, true});
  return layers;
}

Failure InUse(const std::string& path, const MountView& view, const MountEntry& entry) {
  Failure failure = Refusal(EBUSY, "mount", "destination-in-use", path);
  failure.detail = entry.target;
  if (!view.process.empty()) failure.detail += " of process " + view.process;
  return failure;
}

}  // namespace

Result<Occupied> CheckDestination(const Destination& destination) {
  auto chain = ChainOf(destination);
  if (!chain.ok()) return std::move(chain.failure());
  auto resolved = PathOfFd(destination.fd.get());
  if (!resolved.ok()) return std::move(resolved.failure());
  Occupied occupied;
  Failure in_use;
  auto found = VisitMountViews([&](const MountView& view, const std::vector<MountEntry>& table) {
    const bool own = view.process.empty();
    auto root = ViewRoot::Open(view);
    if (!root.ok()) return false;  // it has ended
    for (const MountEntry& entry : table) {
      if (own) {
        std::string below = Below(entry.target, resolved.value());
        if (!below.empty()) occupied.mounts.push_back(std::move(below));
      }
      if (entry.fstype != "overlay") continue;
      for (const auto& [layer, upper] : LayersOf(entry)) {
        if (!layer.starts_with('/')) continue;
        // An overlay in place hides its own lower, and the path leads to the overlay.
        bool used = own && layer == resolved.value();
        if (own) {
          std::string below = Below(layer, resolved.value());
          if (!below.empty()) occupied.layers.push_back(std::move(below));
        }
        auto fd = root.value().OpenPlace(layer);
        auto st = fd.ok() ? StatFd(fd.value().get()) : Result<struct stat>(fd.failure());
        if (st.ok()) {
          // What lies somewhere in a lower is changed by everybody all the time: it may be "/".
          const FileId id{st.value().st_dev, st.value().st_ino};
          const auto end = upper ? chain.value().end() : chain.value().begin() + 1;
          used = used || std::find(chain.value().begin(), end, id) != end;
        }
        if (!used) continue;
        in_use = InUse(destination.path, view, entry);
        return true;
      }
    }
    return false;
  });
  if (!found.ok()) return std::move(found.failure());
  if (found.value()) return in_use;
  return occupied;
}

Status CheckUpperFree(const DirPtr& upper) {
  auto fd = upper->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  const std::string path = upper->PathOf("");
  // The layer is open in a private clone of its mount, which is no layer of anything.
  auto place = OpenDirectory(path);
  if (!place.ok()) return std::move(place.failure());
  const int here = place.value().get();
  const auto answer = AskKernel(here, here, OwnMountPrivilege());
  if (answer && *answer == UseOfUpper::kFree) return Done{};
  auto found = FindOverlayOn(here, here, std::nullopt);
  if (!found.ok()) return std::move(found.failure());
  if (!answer && !found.value()) return Done{};
  Failure failure = Refusal(EBUSY, "mount", "upper-mounted", path);
  if (found.value()) {
    failure.detail = "mounted on " + found.value()->target;
    if (!found.value()->process.empty()) failure.detail += " of process " + found.value()->process;
  }
  return failure;
}

Status CheckApart(const Destination& destination, const Layers& layers) {
  auto chain = ChainOf(destination);
  if (!chain.ok()) return std::move(chain.failure());
  const auto holds = [&](const DirPtr& layer, bool itself) {
    const auto begin = chain.value().begin() + (itself ? 0 : 1);
    return std::find(begin, chain.value().end(), FileId{layer->dev(), layer->ino()}) !=
           chain.value().end();
  };
  bool inside = holds(layers.now(), true);
  for (const DirPtr& lower : layers.lowers) inside = inside || holds(lower, false);
  if (!inside) return Done{};
  return Refusal(EINVAL, "mount", "destination-in-layer", destination.path);
}

}  // namespace ovl
