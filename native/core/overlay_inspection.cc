#include "core/overlay_inspection.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/filesystem_fitness.h"
#include "core/kernel_support.h"
#include "core/layer_place.h"
#include "core/lower_check.h"
#include "core/mount_table.h"
#include "core/option_check.h"
#include "core/overlay_features.h"
#include "core/overlay_options.h"
#include "core/owner_text.h"
#include "core/privilege_check.h"
#include "core/sys_privilege.h"
#include "core/upper_inspection.h"

namespace ovl {

namespace {

Finding Unmapped(const LayerPlace& place) {
  return Warning(EOVERFLOW, "owner-unmapped", place.path, "",
                 OwnerText(place.st.st_uid, place.st.st_gid));
}

constexpr size_t kMaxLayers = 500;  // OVL_MAX_STACK
constexpr size_t kMaxMountData = 4095;
// Readers of the mount table with a buffer of 64 KiB for a line lose the rest of it; an option has
// a name, and what is escaped is four times as long.

class Inspector {
 public:
  explicit Inspector(const OverlaySpec& spec)
      : spec_(spec),
        userxattr_(spec.features.userxattr.value_or(!CanReadTrustedXattrs())),
        options_(FeatureOptions(spec.features, userxattr_)) {}

  Findings Run() {
    Add(FindMissingPrivilege(spec_));
    auto table = ReadMountTable();
    if (table.ok()) table_ = std::move(table.value());
    OpenLowers();
    LookAtTarget();
    auto places = InspectUpper(spec_, userxattr_ ? MarkerSpace::kUser : MarkerSpace::kTrusted,
                               table_, found_);
    upper_ = std::move(places.upper);
    work_ = std::move(places.work);
    LookAtLowers();
    LookAtOptions();
    LookAtLimits();
    std::stable_partition(found_.begin(), found_.end(),
                          [](const Finding& f) { return f.severity == Severity::kError; });
    return std::move(found_);
  }

 private:
  void Add(std::optional<Finding> finding) {
    if (finding) found_.push_back(std::move(*finding));
  }
  void Add(Findings findings) {
    std::move(findings.begin(), findings.end(), std::back_inserter(found_));
  }

  bool HasUpperDirectory() const { return spec_.upper.kind == UpperKind::kDirectory; }

  void OpenLowers();
  void LookAtTarget();
  void LookAtLowers();
  void LookAtOptions();
  void LookAtLimits();
  void LookAtData();

  const OverlaySpec& spec_;
  const bool userxattr_;
  const std::vector<std::string> options_;
  std::vector<MountEntry> table_;
  std::vector<LayerPlace> lowers_;  // those that are directories, data-only ones last
  std::optional<LayerPlace> upper_;
  std::optional<LayerPlace> work_;
  Findings found_;
};

void Inspector::OpenLowers() {
  for (const auto* list : {&spec_.lower, &spec_.data_lower}) {
    for (const LayerSpec& layer : *list) {
      auto place = FindPlace(layer);
      if (!place.ok()) {
        found_.push_back(NotReached(place.failure(), layer.path, "lower-not-directory"));
      } else if (!place.value().exists()) {
        found_.push_back(Mistake(ENOENT, "lower-missing", layer.path));
      } else if (!place.value().IsDirectory()) {
        found_.push_back(Mistake(ENOTDIR, "lower-not-directory", place.value().path));
      } else {
        lowers_.push_back(std::move(place.value()));
      }
    }
  }
}

void Inspector::LookAtTarget() {
  if (!spec_.target) return;
  const std::string& path = *spec_.target;
  auto place = FindPlace(path);
  if (!place.ok()) {
    found_.push_back(NotReached(place.failure(), path, "target-not-directory"));
  } else if (!place.value().exists()) {
    found_.push_back(Mistake(ENOENT, "target-missing", path));
  } else if (!place.value().IsDirectory()) {
    found_.push_back(Mistake(ENOTDIR, "target-not-directory", path));
  } else if (spec_.beneath && !place.value().mount.root) {
    found_.push_back(Mistake(EINVAL, "beneath-nothing", path));
  }
}

void Inspector::LookAtLowers() {
  const LayerPlace* const upper = HasUpperDirectory() && upper_ ? &*upper_ : nullptr;
  Add(FindOverlaps(lowers_, upper, work_ ? &*work_ : nullptr, table_));
  std::vector<FoldedLayer> folded;
  const auto look = [&](const LayerPlace& place) {
    auto fd = OpenForReading(place);
    const unsigned flags = fd.ok() ? InodeFlags(fd.value().get()) : 0;
    folded.push_back(FoldedLayer{place.path, (flags & kCasefold) != 0});
    const std::string lost = FlagsNotKept(place.fs, spec_.attributes);
    if (!lost.empty()) found_.push_back(Warning(0, "mount-flags-not-kept", place.path, "", lost));
  };
  SubmountSearch submounts;
  for (const LayerPlace& lower : lowers_) {
    Add(JudgeLowerType(static_cast<unsigned long>(lower.fs.f_type), lower.path));
    Add(FindTooDeep(lower, table_));
    Add(FindSubmounts(lower, submounts));
    look(lower);
    if (spec_.upper.kind != UpperKind::kNone && !IsOwnerMapped(lower.st)) {
      found_.push_back(Unmapped(lower));
    }
  }
  if (upper != nullptr) {
    look(*upper);
    if (upper->exists() && !IsOwnerMapped(upper->st)) {
      found_.push_back(Unmapped(*upper));
    }
  }
  Add(JudgeCaseFolding(folded));
}

void Inspector::LookAtOptions() {
  OptionLayers layers;
  for (const LayerPlace& lower : lowers_) {
    layers.lowers.push_back({lower.fd.get(), &lower.path});
  }
  UniqueFd upper;
  if (upper_) {
    auto readable = OpenForReading(*upper_);
    if (readable.ok()) upper = std::move(readable.value());
    layers.upper = {upper ? upper.get() : upper_->fd.get(), &upper_->path};
  }
  const std::string none;
  // A scratch filesystem is not there yet, and fit for everything.
  if (!layers.upper && spec_.upper.kind != UpperKind::kNone) layers.upper = {-1, &none};
  Add(FindAcceptedMistake(spec_.features, options_, layers));
  Add(FindOptionConflicts(spec_, options_));
  Add(FindUnknownOptions(options_));
  if (!upper_ || !HasUpperDirectory()) return;
  if (upper_->exists()) Add(FindStaleOrigin(options_, layers));
  if (work_ && work_->exists()) {
    Add(FindStaleIndex(options_, layers, !upper_->exists(), work_->fd.get(), work_->path));
  }
}

void Inspector::LookAtLimits() {
  const size_t count = spec_.lower.size() + spec_.data_lower.size();
  if (count == 1 && spec_.upper.kind == UpperKind::kNone) {
    found_.push_back(Mistake(EINVAL, "single-lower", spec_.lower.front().path));
  }
  if (count > kMaxLayers) {
    found_.push_back(Mistake(EINVAL, "too-many-layers", "", "", std::to_string(count)));
  }
  if (spec_.interface == MountInterface::kFsopen && FsopenSupport() == Support::kNo) {
    found_.push_back(Mistake(ENOSYS, "no-fsopen"));
  }
  LookAtData();
}

void Inspector::LookAtData() {
  OverlayOptions data;
  std::vector<std::string> layers;
  for (const LayerSpec& layer : spec_.lower) data.lower.push_back(layer.path);
  for (const LayerSpec& layer : spec_.data_lower) data.data_only.push_back(layer.path);
  if (HasUpperDirectory()) {
    data.upper = spec_.upper.path;
    data.work = spec_.work.value_or(spec_.upper.path + ".work");
  }
  data.rest = options_;
  const size_t length = FormatMountData(data).size();
  if (spec_.lowerdir_text && length > kMaxMountData) {
    found_.push_back(Mistake(E2BIG, "lowerdir-text-too-long", spec_.lower.front().path));
  }
  if (auto line = LongTableLine(data)) {
    found_.push_back(Warning(0, "mountinfo-line-long", "", "", std::to_string(*line)));
  }
}

}  // namespace

Findings InspectOverlay(const OverlaySpec& spec) { return Inspector(spec).Run(); }

}  // namespace ovl
