#include "core/overlay_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <string_view>
#include <utility>

#include "core/lower_check.h"
#include "core/mount_attributes.h"
#include "core/mount_by_data.h"
#include "core/mount_place.h"
#include "core/opened_lower.h"
#include "core/option_check.h"
#include "core/overlay_decision.h"
#include "core/overlay_explanation.h"
#include "core/overlay_features.h"
#include "core/overlay_magic.h"
#include "core/overlay_maker.h"
#include "core/overlay_options.h"
#include "core/overlay_upper.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

// fsconfig(2) takes strings up to this length.
constexpr size_t kMaxFsconfigString = 255;

class Mounter {
 public:
  explicit Mounter(const OverlaySpec& spec) : spec_(spec) {}

  Result<MountedOverlay> Run() {
    for (auto step : {&Mounter::Decide, &Mounter::OpenLowers, &Mounter::OpenTarget,
                      &Mounter::PrepareWritable, &Mounter::OpenLowerLayers, &Mounter::CheckOptions,
                      &Mounter::Warn, &Mounter::AcceptUnclean, &Mounter::Make}) {
      auto status = (this->*step)();
      if (!status.ok()) return Undone(std::move(status.failure()));
    }
    return Finish();
  }

 private:
  bool writable() const { return spec_.upper.kind != UpperKind::kNone; }

  Status Decide() {
    auto decided = DecideOverlay(spec_);
    if (!decided.ok()) return std::move(decided.failure());
    decision_ = std::move(decided.value());
    if (decision_.rootless) user_namespace_ = spec_.user_namespace;
    out_.layers.marks = MarkReader::Decided(decision_.space);
    out_.layers.marks.FollowRedirects(Option("redirect_dir") != "nofollow");
    out_.layers.marks.FollowMetacopies(Option("metacopy") == "on");
    return Done{};
  }

  std::string Option(const std::string& key) const { return OptionValue(decision_.options, key); }

  Status OpenLowers() {
    for (const auto* list : {&spec_.lower, &spec_.data_lower}) {
      for (const LayerSpec& layer : *list) {
        auto status = OpenLower(layer);
        if (!status.ok()) return status;
      }
    }
    out_.layers.data_only = spec_.data_lower.size();
    return Done{};
  }

  Status OpenLower(const LayerSpec& layer) {
    if (layer.user_namespace) {
      // Of two such layers only those of one namespace go together.
      if (user_namespace_ && user_namespace_ != layer.user_namespace) {
        return Refusal(EINVAL, "setns", "lowers-of-two-namespaces");
      }
      user_namespace_ = layer.user_namespace;
    }
    auto lower = OpenedLower::Open(layer, decision_.rootless);
    if (!lower.ok()) return std::move(lower.failure());
    lowers_.push_back(std::move(lower.value()));
    return Done{};
  }

  // Before the mount can hide them.
  Status OpenLowerLayers() {
    for (const OpenedLower& lower : lowers_) {
      const auto number = static_cast<uint32_t>(out_.layers.lowers.size());
      auto dir = OpenLowerLayer(lower.fd.get(), number, lower.shown);
      if (!dir.ok()) return std::move(dir.failure());
      out_.layers.lowers.push_back(std::move(dir.value()));
    }
    return Done{};
  }

  // What is on the mount of upper and work can wait for its first reader: the guard keeps that
  // mount busy anyhow. Every other one can be unmounted while the overlay lives.
  Result<DirPtr> OpenLowerLayer(int fd, uint32_t number, const std::string& name) const {
    const auto mount = IdentifyMount(fd);
    if (!mount.ok()) return mount.failure();
    return mount.value().id == upper_.guarded_mount() ? HoldLayerFd(fd, number, name)
                                                      : OpenLayerFd(fd, number, name);
  }

  Status OpenTarget() {
    if (!spec_.target) return Done{};
    auto place = OpenPlace(*spec_.target);
    if (!place.ok()) return std::move(place.failure());
    // Whether mounts have an id here to be told by. By fsopen(2) it is asked before it is attached.
    if (decision_.interface == MountInterface::kMount) {
      auto identity = IdentifyMount(place.value().fd.get());
      if (!identity.ok()) {
        identity.failure().path = *spec_.target;
        return std::move(identity.failure());
      }
    }
    place_ = std::move(place.value());
    return Done{};
  }

  Status PrepareWritable() {
    return upper_.Prepare(user_namespace_ ? user_namespace_->get() : -1, out_.layers,
                          out_.warnings);
  }

  Status AcceptUnclean() { return upper_.AcceptUnclean(); }

  // What the kernel would drop without a word.
  Status CheckOptions() {
    OptionLayers layers;
    for (const OpenedLower& lower : lowers_) {
      layers.lowers.push_back({lower.fd.get(), &lower.shown});
    }
    // A tmpfs that is still to be made has no descriptor.
    const UpperDirs& dirs = upper_.dirs();
    if (writable()) layers.upper = {dirs.upper_fd.get(), &dirs.upper};
    auto found = FindAcceptedMistake(spec_.features, decision_.options, layers);
    if (!found) return Done{};
    return AsFailure(std::move(*found), "mount");
  }

  Status Make() {
    if (decision_.interface == MountInterface::kFsopen && spec_.lowerdir_text) {
      auto status = ChooseForText();
      if (!status.ok()) return status;
    }
    auto made = decision_.interface == MountInterface::kMount ? MakeAttached() : MakeDetached();
    made_ = true;
    if (!made.ok()) return Explained(std::move(made.failure()));
    return Done{};
  }

  // mount(2) takes the longer string.
  Status ChooseForText() {
    if (FormatLowerdir(maker_.Named(), "\\:").size() <= kMaxFsconfigString) return Done{};
    if (decision_.rootless || !spec_.target || spec_.beneath) {
      return Refusal(E2BIG, "fsconfig", "lowerdir-text-too-long");
    }
    decision_.interface = MountInterface::kMount;
    return Done{};
  }

  Status MakeDetached() {
    auto made = maker_.Make(decision_.rootless, user_namespace_);
    if (!made.ok()) return std::move(made.failure());
    mount_ = std::move(made.value());
    if (!writable() || out_.layers.upper) return Done{};
    return upper_.OpenScratch(out_.layers, out_.warnings);
  }

  Status MakeAttached() {
    auto made = maker_.MakeAt(place_.path);
    if (!made.ok()) return std::move(made.failure());
    if (made.value()) out_.warnings.push_back(Notice{"layers-compacted", "", place_.path, ""});
    return Done{};
  }

  Failure Explained(Failure failure) const {
    std::vector<std::string> log = std::move(failure.log);
    failure.log.clear();
    return ExplainRefusal(std::move(failure), spec_, std::move(log));
  }

  // What succeeds, and still is not what one may expect.
  Status Warn() {
    if (auto line = LongTableLine(maker_.Named())) {
      out_.warnings.push_back(Notice{"mountinfo-line-long", "", "", std::to_string(*line)});
    }
    SubmountSearch search;
    for (const OpenedLower& lower : lowers_) {
      if (lower.shown == spec_.seen_on) continue;  // who asked has looked for them
      auto below = search.Below(lower.fd.get());
      if (!below.ok() || !below.value()) continue;  // a warning that cannot be given is no failure
      Finding found = SubmountsHidden(lower.shown, *below.value());
      out_.warnings.push_back(Notice{found.reason, std::move(found.path), std::move(found.dest),
                                     std::move(found.detail)});
    }
    return Done{};
  }

  Result<MountedOverlay> Finish() {
    auto status =
        decision_.interface == MountInterface::kMount ? FinishAttached() : FinishDetached();
    if (!status.ok()) return Undone(std::move(status.failure()));
    Leftovers leftovers = upper_.Finish();
    if (writable() && spec_.upper.kind != UpperKind::kTmpfs) {
      out_.upper = upper_.dirs().upper;
      out_.work = upper_.dirs().work;
    }
    out_.rootless = decision_.rootless;
    out_.interface = decision_.interface;
    if (spec_.target) out_.target = place_.path;
    out_.live = std::make_unique<LiveOverlay>(ids_, std::move(mount_), out_.target.value_or(""),
                                              std::move(user_namespace_), std::move(leftovers),
                                              upper_.TakeGuard());
    return std::move(out_);
  }

  // The kernel has made it by now. It alone knows every changed name of a hard link.
  Status OpenTheIndex() {
    if (Option("index") != "on" && Option("nfs_export") != "on") return Done{};
    const UpperDirs& dirs = upper_.dirs();
    auto index = OpenIndex(dirs.work_fd.get(), dirs.work.empty() ? "tmpfs" : dirs.work);
    if (!index.ok()) return std::move(index.failure());
    out_.layers.index = std::move(index.value());
    out_.layers.index_use = IndexUse::kRead;
    return Done{};
  }

  // Before the mount is attached, as everything that can fail.
  Status Record() {
    auto indexed = OpenTheIndex();
    if (!indexed.ok()) return indexed;
    return upper_.Record(ids_, place_.path);
  }

  Failure Undone(Failure failure) {
    mount_.Reset();
    if (!left_mounted_) upper_.PutBack(made_);
    return failure;
  }

  // The kernel reports success for an overlay that it had to make read-only.
  Status CheckWritable(int fd) const {
    auto fs = StatFs(fd);
    if (!fs.ok()) return std::move(fs.failure());
    if (!writable() || !IsReadOnly(fs.value())) return Done{};
    const bool scratch = spec_.upper.kind == UpperKind::kTmpfs;
    return Refusal(EROFS, "fsmount", scratch ? "tmpfs-too-small" : "mounted-read-only",
                   upper_.dirs().work, place_.path);
  }

  Status FinishDetached() {
    auto status = CheckWritable(mount_.get());
    if (!status.ok()) return status;
    auto ids = IdsOf(mount_.get());
    if (!ids.ok()) return std::move(ids.failure());
    ids_ = ids.value();
    if ((spec_.attributes & kAttrReadOnly) != 0) {
      status = MakeReadOnly(mount_.get(), user_namespace_);
      if (!status.ok()) return status;
    }
    status = Record();
    if (!status.ok() || !spec_.target) return status;
    status = AttachMount(mount_.get(), place_, spec_.beneath, spec_.propagation);
    if (!status.ok()) {
      if (std::string_view(status.failure().reason) == "left-mounted") LeaveMounted();
      return status;
    }
    mount_.Reset();  // it would keep the mount busy
    return Done{};
  }

  Status FinishAttached() {
    auto status = CheckAttached();
    if (status.ok()) status = SetAttached();
    if (status.ok()) status = upper_.TakeOffTmpfs();
    if (status.ok()) status = Record();
    if (status.ok() || Undo(status.failure())) return status;
    LeaveMounted();
    return status;
  }

  void LeaveMounted() {
    left_mounted_ = true;
    upper_.Keep();
  }

  Status CheckAttached() {
    auto fd = OpenPath(place_.path);
    if (!fd.ok()) return std::move(fd.failure());
    auto fs = StatFs(fd.value().get());
    if (!fs.ok()) return std::move(fs.failure());
    if (!IsOverlay(fs.value())) return Refusal(EBUSY, "mount", "covered-at-once", place_.path);
    auto ids = IdsOf(fd.value().get());
    if (!ids.ok()) return std::move(ids.failure());
    ids_ = ids.value();
    return CheckWritable(fd.value().get());
  }

  // What mount(2) does in calls of their own.
  Status SetAttached() const {
    MountArgs args;
    args.target = place_.path;
    if ((spec_.attributes & kAttrReadOnly) != 0) {
      args.flags = MS_REMOUNT | MS_BIND | MountFlags(spec_.attributes);
      auto status = Mount(args);
      if (!status.ok()) return status;
    }
    if (spec_.propagation == 0) return Done{};
    args.flags = spec_.propagation;
    return Mount(args);
  }

  // Takes a mount that turned out to be no good off again. False if it is still there.
  bool Undo(Failure& failure) const {
    if (std::string_view(failure.reason) == "covered-at-once") return false;
    const Status undone = Umount(place_.path, MNT_DETACH | UMOUNT_NOFOLLOW);
    if (!undone.ok()) {
      failure.reason = "left-mounted";
      failure.dest = place_.path;
    }
    return undone.ok();
  }

  const OverlaySpec& spec_;
  MountedOverlay out_;
  OverlayDecision decision_;
  std::vector<OpenedLower> lowers_;
  MountPlace place_;
  OverlayUpper upper_{spec_, decision_, lowers_};
  OverlayMaker maker_{spec_, lowers_, upper_.dirs(), decision_.options,
                      upper_.scratch_attributes()};
  std::shared_ptr<const UniqueFd> user_namespace_;
  UniqueFd mount_;
  MountIds ids_;
  bool made_ = false;  // the kernel was asked to mount, and may have left its mark
  bool left_mounted_ = false;
};

}  // namespace

Result<MountedOverlay> MountOverlay(const OverlaySpec& spec) {
  if (!spec.seen_on) return Mounter(spec).Run();
  auto restrictions = RestrictionsOn(*spec.seen_on);
  if (!restrictions.ok()) return std::move(restrictions.failure());
  OverlaySpec restricted = spec;
  restricted.attributes |= restrictions.value();
  return Mounter(restricted).Run();
}

}  // namespace ovl
