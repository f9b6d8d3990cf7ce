#include "core/apply_checks.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/covered_place.h"
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

// Whether paths lead in a view where they lead us, but for what is mounted there. Under an overlay
// on its root ("/" covered in place) the table of the view does not have what the overlay covers.
bool HasOurNames(const MountView& view, const std::vector<MountEntry>& table) {
  return view.process.empty() ||
         std::any_of(table.begin(), table.end(), [](const MountEntry& entry) {
           if (entry.fstype != "overlay" || entry.target != "/") return false;
           const std::vector<std::string> lower = ParseOverlayOptions(entry.super_options).lower;
           return std::find(lower.begin(), lower.end(), "/") != lower.end();
         });
}

// The directory that is going to be changed, as a table or a path can name it.
class Wanted {
 public:
  static Result<Wanted> Of(const Destination& destination) {
    Wanted wanted;
    auto chain = ChainOf(destination);
    if (!chain.ok()) return std::move(chain.failure());
    wanted.chain_ = std::move(chain.value());
    auto resolved = PathOfFd(destination.fd.get());
    if (!resolved.ok()) return std::move(resolved.failure());
    wanted.path_ = std::move(resolved.value());
    auto mount = FindMountOf(destination.fd.get());
    if (!mount.ok()) return std::move(mount.failure());
    if (mount.value()) wanted.place_ = PlaceOn(*mount.value(), wanted.path_);
    return wanted;
  }

  const std::string& path() const { return path_; }

  // What lies somewhere in a lower is changed by everybody all the time: it may be "/". So it has
  // to be the layer itself, but for an upper.
  bool IsIn(const struct stat& layer, bool upper) const {
    const auto end = upper ? chain_.end() : chain_.begin() + 1;
    return std::find(chain_.begin(), end, FileId{layer.st_dev, layer.st_ino}) != end;
  }

  bool IsIn(const InsidePlace& layer, bool upper) const {
    if (!place_ || !upper) return layer == place_;
    return InsidePlace{layer.device_major, layer.device_minor, place_->path} == *place_ &&
           NamesWithin(place_->path, layer.path);
  }

 private:
  std::vector<FileId> chain_;
  std::string path_;
  std::optional<InsidePlace> place_;  // none: its mount is in no table of ours
};

Failure InUse(const std::string& path, const MountView& view, const MountEntry& entry) {
  Failure failure = Refusal(EBUSY, "mount", "destination-in-use", path);
  failure.detail = entry.target;
  if (!view.process.empty()) failure.detail += " of process " + view.process;
  return failure;
}

}  // namespace

Result<Occupied> CheckDestination(const Destination& destination) {
  auto wanted = Wanted::Of(destination);
  if (!wanted.ok()) return std::move(wanted.failure());
  const std::string& path = wanted.value().path();
  Occupied occupied;
  Failure in_use;
  auto found = VisitMountViews([&](const MountView& view, const std::vector<MountEntry>& table) {
    const bool own = view.process.empty();
    auto root = ViewRoot::Open(view);
    if (!root.ok()) return false;  // it has ended
    const bool our_names = HasOurNames(view, table);
    for (const MountEntry& entry : table) {
      if (own) {
        std::string below = Below(entry.target, path);
        if (!below.empty()) occupied.mounts.push_back(std::move(below));
      }
      if (entry.fstype != "overlay") continue;
      for (const auto& [layer, upper] : LayersOf(entry)) {
        if (!layer.starts_with('/')) continue;
        if (own) {
          std::string below = Below(layer, path);
          if (!below.empty()) occupied.layers.push_back(std::move(below));
        }
        const bool is_upper = upper;
        const auto places = PlacesUnderOverlays(table, entry, layer);
        bool used = our_names && layer == path;
        used = used || std::any_of(places.begin(), places.end(), [&](const InsidePlace& place) {
                 return wanted.value().IsIn(place, is_upper);
               });
        auto fd = root.value().OpenPlace(layer);
        auto st = fd.ok() ? StatFd(fd.value().get()) : Result<struct stat>(fd.failure());
        if (!used && !(st.ok() && wanted.value().IsIn(st.value(), upper))) continue;
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
