#include "core/lower_check.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/layer_ancestry.h"
#include "core/overlay_magic.h"
#include "core/overlay_options.h"
#include "core/sys_file.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

using Table = std::vector<MountEntry>;

constexpr int kMaxDepth = 2;  // FILESYSTEM_MAX_STACK_DEPTH

const MountEntry* FindEntry(const Table& table, uint64_t id) {
  const auto found =
      std::find_if(table.begin(), table.end(), [id](const MountEntry& e) { return e.id == id; });
  return found == table.end() ? nullptr : &*found;
}

bool IsCopyRefused(int fd) {
  const auto copy = OpenTreeClone(fd);
  return !copy.ok() && copy.failure().err == EINVAL;
}

// How many overlays lie upon each other at a place. A layer that its own overlay covers leads back
// to that one and is not counted: nobody can look below.
int DepthAt(const LayerPlace& place, const Table& table, std::set<uint64_t>& seen) {
  if (!IsOverlay(place.fs)) return 0;
  const MountEntry* const entry = FindEntry(table, place.table_id);
  if (entry == nullptr || !seen.insert(entry->id).second) return 1;
  const OverlayOptions options = ParseOverlayOptions(entry->super_options);
  int below = 0;
  for (const auto* list : {&options.lower, &options.data_only}) {
    for (const std::string& path : *list) {
      auto layer = FindPlace(path);
      if (!layer.ok() || seen.contains(layer.value().table_id)) continue;
      below = std::max(below, DepthAt(layer.value(), table, seen));
    }
  }
  return 1 + below;
}

// One lower against all: an id leads to the first lower that is there.
class Lowers {
 public:
  Lowers(const std::vector<LayerPlace>& places, const Table& table) : places_(places) {
    for (size_t i = 0; i < places.size(); ++i) {
      ancestries_.push_back(AncestryOf(places[i], table));
      by_id_[ancestries_[i].chain.front()].push_back(i);
    }
  }

  const Ancestry& operator[](size_t i) const { return ancestries_[i]; }

  // The lower that number `i` lies in, or is; of two that are the same the first.
  const LayerPlace* Around(size_t i) const {
    for (const FileId& id : ancestries_[i].chain) {
      const auto found = by_id_.find(id);
      if (found == by_id_.end()) continue;
      const bool same = id == ancestries_[i].chain.front();
      for (const size_t j : found->second) {
        if (same ? j < i : j != i) return &places_[j];
      }
    }
    // Through different mounts of one filesystem; not many are, so that pairs are affordable.
    for (size_t j = 0; j < places_.size(); ++j) {
      if (places_[i].table_id == places_[j].table_id) continue;
      if (ancestries_[i].chain.front() == ancestries_[j].chain.front()) continue;
      if (IsWithin(ancestries_[i], ancestries_[j])) return &places_[j];
    }
    return nullptr;
  }

 private:
  const std::vector<LayerPlace>& places_;
  std::vector<Ancestry> ancestries_;
  std::map<FileId, std::vector<size_t>> by_id_;
};

}  // namespace

Findings FindOverlaps(const std::vector<LayerPlace>& lowers, const LayerPlace* upper,
                      const LayerPlace* work, const Table& table) {
  Findings found;
  const Lowers all(lowers, table);
  std::optional<Ancestry> upper_at;
  std::optional<Ancestry> work_at;
  if (upper != nullptr) upper_at = AncestryOf(*upper, table);
  if (work != nullptr) work_at = AncestryOf(*work, table);
  for (size_t i = 0; i < lowers.size(); ++i) {
    if (upper_at && IsWithin(all[i], *upper_at)) {
      found.push_back(Mistake(ELOOP, "lower-inside-upper", lowers[i].path, upper->path));
    } else if (work_at && IsWithin(all[i], *work_at)) {
      found.push_back(Mistake(ELOOP, "lower-inside-work", lowers[i].path, work->path));
    } else if (const LayerPlace* outer = all.Around(i)) {
      found.push_back(Mistake(ELOOP, "lowers-overlap", lowers[i].path, outer->path));
    }
  }
  return found;
}

std::optional<Finding> FindTooDeep(const LayerPlace& lower, const Table& table) {
  std::set<uint64_t> seen;
  if (DepthAt(lower, table, seen) < kMaxDepth) return std::nullopt;
  return Mistake(EINVAL, "stacked-too-deep", lower.path);
}

std::optional<Finding> FindSubmounts(const LayerPlace& lower, SubmountSearch& search) {
  auto below = search.Below(lower.fd.get());
  if (!below.ok()) return std::nullopt;
  const std::optional<Submounts>& submounts = below.value();
  // overlayfs makes a copy of the mount without those below it. In a user namespace inherited
  // mounts are locked to what they cover, and that fails; rootless all of them are inherited.
  const bool rootless = !MayMount();
  const bool refused = !rootless && IsCopyRefused(lower.fd.get());
  if (!submounts) {
    if (refused) return Mistake(EINVAL, "lower-unbindable", lower.path);
    return std::nullopt;
  }
  if (rootless || refused) {
    return Mistake(EINVAL, "lower-locked-mounts", lower.path, submounts->first);
  }
  return SubmountsHidden(lower.path, *submounts);
}

Finding SubmountsHidden(const std::string& path, const Submounts& submounts) {
  return Warning(0, "submounts-hidden", path, submounts.first, std::to_string(submounts.count));
}

}  // namespace ovl
