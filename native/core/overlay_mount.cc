#include "core/overlay_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <string_view>
#include <utility>

#include "core/ephemeral_upper.h"
#include "core/kernel_support.h"
#include "core/lower_check.h"
#include "core/mount_by_data.h"
#include "core/mount_place.h"
#include "core/opened_lower.h"
#include "core/option_check.h"
#include "core/overlay_explanation.h"
#include "core/overlay_features.h"
#include "core/overlay_magic.h"
#include "core/overlay_maker.h"
#include "core/overlay_options.h"
#include "core/overlay_plan.h"
#include "core/root_attributes.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "core/upper_dirs.h"
#include "core/upper_guard.h"
#include "core/volatile_marker.h"

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
  bool ephemeral() const {
    return spec_.upper.kind == UpperKind::kTmpfs || spec_.upper.kind == UpperKind::kTemporary;
  }

  // Who makes it, by which interface, and with the marks in which attributes.
  Status Decide() {
    own_ = OwnMountPrivilege();
    out_.rootless = !own_.may_mount;
    if (out_.rootless) user_namespace_ = spec_.user_namespace;
    const bool trusted = own_.trusted_xattrs;
    userxattr_ = spec_.features.userxattr.value_or(!trusted);
    const std::string where = spec_.target.value_or("");
    if (out_.rootless && spec_.target) {
      const char* const why = HasSysAdmin() ? "foreign-mount-namespace" : "rootless-target";
      return Refusal(EPERM, "mount", why, "overlay", where);
    }
    if (!userxattr_ && !trusted) {
      return Refusal(EPERM, "mount", "needs-userxattr", "overlay", where);
    }
    out_.interface = spec_.interface;
    if (out_.interface == MountInterface::kFsopenNames) out_.interface = MountInterface::kFsopen;
    if (out_.interface == MountInterface::kAuto) {
      // An ordinary user cannot ask, and has no other way anyhow.
      const bool newer = out_.rootless || HasRealFsopen();
      out_.interface = newer ? MountInterface::kFsopen : MountInterface::kMount;
    }
    if (out_.interface == MountInterface::kMount) {
      if (!spec_.target) return Refusal(ENOSYS, "fsopen", "detached-needs-fsopen", "overlay");
      if (spec_.beneath) return Refusal(ENOSYS, "move_mount", "beneath-needs-fsopen", where);
    }
    features_ = spec_.features;
    features_.is_volatile = features_.is_volatile || ephemeral();
    options_ = FeatureOptions(features_, userxattr_);
    space_ = userxattr_ ? MarkerSpace::kUser : MarkerSpace::kTrusted;
    out_.layers.marks = MarkReader::Decided(space_);
    out_.layers.marks.FollowRedirects(OptionValue(options_, "redirect_dir") != "nofollow");
    out_.layers.marks.FollowMetacopies(OptionValue(options_, "metacopy") == "on");
    return Done{};
  }

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
    auto lower = OpenedLower::Open(layer, out_.rootless);
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
    return mount.value().id == guarded_mount_ ? HoldLayerFd(fd, number, name)
                                              : OpenLayerFd(fd, number, name);
  }

  Status OpenTarget() {
    if (!spec_.target) return Done{};
    auto place = OpenPlace(*spec_.target);
    if (!place.ok()) return std::move(place.failure());
    // Whether mounts have an id here to be told by. By fsopen(2) it is asked before it is attached.
    if (out_.interface == MountInterface::kMount) {
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
    UpperSpec upper = spec_.upper;
    std::optional<std::string> work = spec_.work;
    switch (spec_.upper.kind) {
      case UpperKind::kNone:
        return Done{};
      case UpperKind::kDirectory:
        break;
      case UpperKind::kTmpfs:
        if (out_.interface == MountInterface::kFsopen) {
          return scratch_attributes_.Read(lowers_.front().fd.get(), space_);
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
    auto dirs = PrepareUpper(upper, work, spec_.accept_unclean, space_, created_);
    if (!dirs.ok()) return std::move(dirs.failure());
    dirs_ = std::move(dirs.value());
    // Nobody knows an ephemeral one.
    if (spec_.upper.kind == UpperKind::kDirectory) {
      auto guarded = Guard();
      if (!guarded.ok()) return guarded;
    }
    if (dirs_.fresh || upper.init) {
      auto status = GiveAttributes();
      if (!status.ok()) return status;
    }
    return OpenUpperLayer();
  }

  // The last step before the mount: where that fails the mark is put back, since the upper is no
  // better for it. What the volatile mount has left unwritten is written first.
  Status AcceptUnclean() {
    if (!spec_.accept_unclean || !dirs_.work_fd) return Done{};
    auto marked = HasVolatileMarker(dirs_.work_fd.get(), dirs_.work);
    if (!marked.ok()) return std::move(marked.failure());
    if (!marked.value()) return Done{};
    auto synced = SyncFilesystem(dirs_.upper_fd.get(), dirs_.upper);
    if (!synced.ok()) return synced;
    accepted_ = true;
    return RemoveVolatileMarker(dirs_.work_fd.get(), dirs_.work);
  }

  Status Guard() {
    auto guard = UpperGuard::Acquire(dirs_.upper_fd.get(), dirs_.work_fd.get(), dirs_.upper,
                                     dirs_.work, own_);
    if (!guard.ok()) return std::move(guard.failure());
    guard_ = std::move(guard.value());
    const auto mount = IdentifyMount(dirs_.work_fd.get());
    if (!mount.ok()) return mount.failure();
    guarded_mount_ = mount.value().id;
    return Done{};
  }

  Status GiveAttributes() {
    RootAttributes attributes;
    auto status = attributes.Read(lowers_.front().fd.get(), space_);
    if (!status.ok()) return status;
    const int user_namespace = user_namespace_ ? user_namespace_->get() : -1;
    return attributes.Give(dirs_.upper_fd.get(), dirs_.upper, user_namespace, out_.warnings);
  }

  // Before anything is attached: then nothing can fail that would have to be undone.
  Status OpenUpperLayer() {
    const std::string name = dirs_.upper.empty() ? "tmpfs" : dirs_.upper;
    const int fd = dirs_.upper_fd.get();
    auto upper = guarded_mount_ ? HoldLayerFd(fd, LayerDir::kUpper, name)
                                : OpenLayerFd(fd, LayerDir::kUpper, name);
    if (!upper.ok()) return std::move(upper.failure());
    out_.layers.upper = std::move(upper.value());
    return Done{};
  }

  // What the kernel would drop without a word.
  Status CheckOptions() {
    OptionLayers layers;
    for (const OpenedLower& lower : lowers_) {
      layers.lowers.push_back({lower.fd.get(), &lower.shown});
    }
    // A tmpfs that is still to be made has no descriptor.
    if (writable()) layers.upper = {dirs_.upper_fd.get(), &dirs_.upper};
    auto found = FindAcceptedMistake(spec_.features, options_, layers);
    if (!found) return Done{};
    return AsFailure(std::move(*found), "mount");
  }

  Status Make() {
    if (out_.interface == MountInterface::kFsopen && spec_.lowerdir_text) {
      auto status = ChooseForText();
      if (!status.ok()) return status;
    }
    auto made = out_.interface == MountInterface::kMount ? MakeAttached() : MakeDetached();
    made_ = true;
    if (!made.ok()) return Explained(std::move(made.failure()));
    return Done{};
  }

  // mount(2) takes the longer string.
  Status ChooseForText() {
    if (FormatLowerdir(maker_.Named(), "\\:").size() <= kMaxFsconfigString) return Done{};
    if (out_.rootless || !spec_.target || spec_.beneath) {
      return Refusal(E2BIG, "fsconfig", "lowerdir-text-too-long");
    }
    out_.interface = MountInterface::kMount;
    return Done{};
  }

  Status MakeDetached() {
    auto made = maker_.Make(out_.rootless, user_namespace_);
    if (!made.ok()) return std::move(made.failure());
    mount_ = std::move(made.value());
    if (!writable() || out_.layers.upper) return Done{};
    scratch_attributes_.AddWarnings("tmpfs", out_.warnings);
    return OpenUpperLayer();
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
      auto below = search.Below(lower.fd.get());
      if (!below.ok() || !below.value()) continue;  // a warning that cannot be given is no failure
      Finding found = SubmountsHidden(lower.shown, *below.value());
      out_.warnings.push_back(Notice{found.reason, std::move(found.path), std::move(found.dest),
                                     std::move(found.detail)});
    }
    return Done{};
  }

  Result<MountedOverlay> Finish() {
    auto status = out_.interface == MountInterface::kMount ? FinishAttached() : FinishDetached();
    if (!status.ok()) return Undone(std::move(status.failure()));
    Leftovers leftovers;
    leftovers.is_volatile = features_.is_volatile;
    leftovers.upper_path = dirs_.upper;
    leftovers.work_path = dirs_.work;
    if (spec_.target && guard_) guard_->LeaveToKernel();
    if (writable()) {
      if (features_.is_volatile && spec_.upper.kind != UpperKind::kTmpfs) {
        leftovers.upper = std::move(dirs_.upper_fd);
        leftovers.work = std::move(dirs_.work_fd);
      }
      if (spec_.upper.kind != UpperKind::kTmpfs) {
        out_.upper = dirs_.upper;
        out_.work = dirs_.work;
      }
      leftovers.temporary = temporary_.Keep();
    }
    created_.Keep();
    if (spec_.target) out_.target = place_.path;
    out_.live = std::make_unique<LiveOverlay>(ids_, std::move(mount_), out_.target.value_or(""),
                                              std::move(user_namespace_), std::move(leftovers),
                                              std::move(guard_));
    return std::move(out_);
  }

  // The kernel has made it by now. It alone knows every changed name of a hard link.
  Status OpenTheIndex() {
    if (OptionValue(options_, "index") != "on" && OptionValue(options_, "nfs_export") != "on") {
      return Done{};
    }
    auto index = OpenIndex(dirs_.work_fd.get(), dirs_.work.empty() ? "tmpfs" : dirs_.work);
    if (!index.ok()) return std::move(index.failure());
    out_.layers.index = std::move(index.value());
    out_.layers.index_use = IndexUse::kRead;
    return Done{};
  }

  // Before the mount is attached, as everything that can fail.
  Status Record() {
    auto indexed = OpenTheIndex();
    if (!indexed.ok() || !guard_) return indexed;
    auto holder = DescribeCaller();
    if (!holder.ok()) return std::move(holder.failure());
    holder.value().mount_id = ids_.identity.unique ? ids_.identity.id : 0;
    holder.value().target = place_.path;
    holder.value().is_volatile = features_.is_volatile;
    return guard_->Record(holder.value());
  }

  // The kernel may have left its mark of a volatile mount already, of one that nobody has written
  // to. One that was there before says something else, and stays.
  Failure Undone(Failure failure) {
    mount_.Reset();
    if (left_mounted_ || !dirs_.work_fd) return failure;
    // What is being reported matters more than what fails here; the next mount explains what it
    // meets. The lock goes last: others could mount meanwhile, and the mark would be theirs.
    if (accepted_) {
      (void)PutVolatileMarker(dirs_.work_fd.get(), dirs_.work);
    } else if (features_.is_volatile && made_) {
      (void)RemoveVolatileMarker(dirs_.work_fd.get(), dirs_.work);
    }
    if (guard_) guard_->Release();
    guard_.reset();
    return failure;
  }

  // The kernel reports success for an overlay that it had to make read-only.
  Status CheckWritable(int fd) const {
    auto fs = StatFs(fd);
    if (!fs.ok()) return std::move(fs.failure());
    if (!writable() || !IsReadOnly(fs.value())) return Done{};
    const bool scratch = spec_.upper.kind == UpperKind::kTmpfs;
    return Refusal(EROFS, "fsmount", scratch ? "tmpfs-too-small" : "mounted-read-only", dirs_.work,
                   place_.path);
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
    if (status.ok() && tmpfs_.mounted()) status = tmpfs_.TakeOff();
    if (status.ok()) status = Record();
    if (status.ok() || Undo(status.failure())) return status;
    LeaveMounted();
    return status;
  }

  // Nothing that belongs to a mount which is still there may be removed.
  void LeaveMounted() {
    left_mounted_ = true;
    created_.Keep();
    (void)temporary_.Keep();
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
  MountPrivilege own_;
  bool userxattr_ = false;
  MarkerSpace space_ = MarkerSpace::kTrusted;
  FeatureSpec features_;
  std::vector<std::string> options_;
  std::vector<OpenedLower> lowers_;
  MountPlace place_;
  // In the order in which they have to go: directories last.
  TemporaryDirectory temporary_;
  CreatedDirs created_;
  TmpfsAtPath tmpfs_;
  UpperDirs dirs_;
  // Gone before the directories are removed: it has a file in one of them.
  std::optional<UpperGuard> guard_;
  std::optional<uint64_t> guarded_mount_;
  RootAttributes scratch_attributes_;
  OverlayMaker maker_{spec_, lowers_, dirs_, options_, scratch_attributes_};
  std::shared_ptr<const UniqueFd> user_namespace_;
  UniqueFd mount_;
  MountIds ids_;
  bool accepted_ = false;  // a volatile mount's mark was removed
  bool made_ = false;      // the kernel was asked to mount, and may have left one
  bool left_mounted_ = false;
};

}  // namespace

Result<MountedOverlay> MountOverlay(const OverlaySpec& spec) { return Mounter(spec).Run(); }

}  // namespace ovl
