#include "core/upper_search.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "core/mount_views.h"
#include "core/overlay_options.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"

namespace ovl {

namespace {

class Search {
 public:
  Search(const struct stat& upper, const struct stat& work, const std::optional<LeaseHolder>& lease)
      : upper_(upper), work_(work), lease_(lease) {}

  // True if this namespace has it.
  bool LookInto(const MountView& view, const std::vector<MountEntry>& table);
  FoundOverlay& found() { return found_; }

 private:
  bool IsLeased(const MountView& view, const ViewRoot& root);
  bool IsOurs(const ViewRoot& root, const std::optional<std::string>& layer);

  const struct stat& upper_;
  const struct stat& work_;
  const std::optional<LeaseHolder>& lease_;
  FoundOverlay found_;
};

bool Same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Whether a layer that a table names is one of the two directories, as either: an upper may not be
// the workdir of somebody else either.
bool Search::IsOurs(const ViewRoot& root, const std::optional<std::string>& layer) {
  if (!layer || !layer->starts_with('/')) return false;
  auto fd = root.OpenPlace(*layer);
  if (!fd.ok()) return false;
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return false;
  const bool upper = Same(st.value(), upper_);
  if (!upper && !Same(st.value(), work_)) return false;
  found_.use = upper ? UseOfUpper::kUpper : UseOfUpper::kWork;
  return true;
}

bool Search::IsLeased(const MountView& view, const ViewRoot& root) {
  if (!lease_ || lease_->mount_id == 0 || lease_->target.empty() ||
      lease_->mount_namespace != view.mount_namespace) {
    return false;
  }
  auto fd = root.OpenPlace(lease_->target);
  if (!fd.ok()) return false;
  auto identity = IdentifyMount(fd.value().get());
  return identity.ok() && identity.value().unique && identity.value().id == lease_->mount_id;
}

bool Search::LookInto(const MountView& view, const std::vector<MountEntry>& table) {
  const auto is_overlay = [](const MountEntry& entry) { return entry.fstype == "overlay"; };
  if (std::none_of(table.begin(), table.end(), is_overlay)) return false;
  auto opened = ViewRoot::Open(view);
  if (!opened.ok()) return false;  // it has ended
  const ViewRoot& root = opened.value();
  found_.process = view.process;
  found_.by_lease = IsLeased(view, root);
  for (const MountEntry& entry : table) {
    if (!is_overlay(entry)) continue;
    const OverlayOptions options = ParseOverlayOptions(entry.super_options);
    if (!IsOurs(root, options.upper) && !IsOurs(root, options.work)) continue;
    found_.target = found_.by_lease ? lease_->target : entry.target;
    return true;
  }
  if (!found_.by_lease) return false;
  found_.use = UseOfUpper::kWork;  // that is where the lease lies
  found_.target = lease_->target;
  return true;
}

}  // namespace

Result<std::optional<FoundOverlay>> FindOverlayOn(int upper, int work,
                                                  const std::optional<LeaseHolder>& lease) {
  auto upper_st = StatFd(upper);
  if (!upper_st.ok()) return std::move(upper_st.failure());
  auto work_st = StatFd(work);
  if (!work_st.ok()) return std::move(work_st.failure());
  Search search(upper_st.value(), work_st.value(), lease);

  auto found = VisitMountViews([&](const MountView& view, const std::vector<MountEntry>& table) {
    return search.LookInto(view, table);
  });
  if (!found.ok()) return std::move(found.failure());
  if (found.value()) return std::optional<FoundOverlay>(std::move(search.found()));
  return std::optional<FoundOverlay>();
}

}  // namespace ovl
