#include "core/overlay_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>

#include "core/ephemeral_upper.h"
#include "core/kernel_support.h"
#include "core/mount_by_data.h"
#include "core/mount_place.h"
#include "core/opened_lower.h"
#include "core/option_check.h"
#include "core/overlay_explanation.h"
#include "core/overlay_features.h"
#include "core/overlay_magic.h"
#include "core/overlay_options.h"
#include "core/overlay_plan.h"
#include "core/raw_calls.h"
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
    for (auto step :
         {&Mounter::Decide, &Mounter::OpenLowers, &Mounter::OpenTarget, &Mounter::PrepareWritable,
          &Mounter::OpenLowerLayers, &Mounter::CheckOptions, &Mounter::Make}) {
      auto status = (this->*step)();
      if (!status.ok()) return std::move(status.failure());
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
          upper.path = tmpfs_.path() + "/upper";
          work = tmpfs_.path() + "/work";
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
    auto opened = OpenUpperLayer();
    if (!opened.ok() || !spec_.accept_unclean) return opened;
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
    return attributes.Give(dirs_.upper_fd.get(), dirs_.upper, out_.warnings);
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
    if (out_.interface == MountInterface::kMount) return MakeByData();
    if (spec_.lowerdir_text && LowerdirText().size() > kMaxFsconfigString) {
      // mount(2) takes the longer string.
      if (out_.rootless || !spec_.target || spec_.beneath) {
        return Refusal(E2BIG, "fsconfig", "lowerdir-text-too-long");
      }
      out_.interface = MountInterface::kMount;
      return MakeByData();
    }
    return MakeByContext();
  }

  std::string LowerdirText() const {
    OverlayOptions options;
    for (size_t i = 0; i < lowers_.size(); ++i) {
      const bool data_only = i >= spec_.lower.size();
      (data_only ? options.data_only : options.lower).push_back(lowers_[i].shown);
    }
    return FormatLowerdir(options, "\\:");
  }

  Failure Explained(Failure failure) const {
    std::vector<std::string> log = std::move(failure.log);
    failure.log.clear();
    return ExplainRefusal(std::move(failure), spec_, std::move(log));
  }

  Status MakeByContext() {
    bool by_name = spec_.interface == MountInterface::kFsopenNames ||
                   (out_.rootless ? child_needs_names_.load() : !HasLayerDescriptors());
    auto made = CarryOut(by_name);
    // Whether an ordinary user's kernel takes descriptors is found out by trying.
    if (!made.ok() && out_.rootless && !by_name && RefusedDescriptor(made.failure())) {
      child_needs_names_.store(true);
      made = CarryOut(true);
    }
    if (!made.ok()) return Explained(std::move(made.failure()));
    return Done{};
  }

  static bool RefusedDescriptor(const Failure& failure) {
    return std::string_view(failure.call) == "fsconfig" && failure.err == EINVAL &&
           std::any_of(failure.log.begin(), failure.log.end(), [](const std::string& line) {
             return line.find("Bad value") != std::string::npos;
           });
  }

  void AddLayers(OverlayPlan& plan) {
    if (spec_.lowerdir_text) {
      plan.SetLowerdirText(LowerdirText());
    } else {
      for (size_t i = 0; i < lowers_.size(); ++i) {
        const bool data_only = i >= spec_.lower.size();
        data_only ? plan.AddDataLower(lowers_[i].planned) : plan.AddLower(lowers_[i].planned);
      }
    }
    if (!writable()) return;
    if (!dirs_.upper_fd) {
      const UpperSpec& upper = spec_.upper;
      plan.SetScratchUpper(upper.size, upper.inodes, scratch_attributes_.Raw());
    } else if (out_.rootless) {
      plan.SetUpper({-1, dirs_.upper}, {-1, dirs_.work});
    } else {
      plan.SetUpper({dirs_.upper_fd.get(), dirs_.upper}, {dirs_.work_fd.get(), dirs_.work});
    }
  }

  static void BuildRaw(void* plan) { (void)raw::Build(*static_cast<raw::BuildPlan*>(plan)); }

  static Status BuildHere(raw::BuildPlan& plan) {
    BuildRaw(&plan);  // what failed is in the plan
    return Done{};
  }

  Status BuildInChild(raw::BuildPlan& plan) {
    if (user_namespace_) return InUserNamespaceOf(user_namespace_->get(), BuildRaw, &plan);
    auto made = InRootlessChild(BuildRaw, &plan);
    if (!made.ok()) return std::move(made.failure());
    user_namespace_ = std::make_shared<const UniqueFd>(std::move(made.value()));
    return Done{};
  }

  Status CarryOut(bool by_name) {
    OverlayPlan plan;
    AddLayers(plan);
    for (const std::string& option : options_) plan.AddOption(option);
    if (by_name) plan.ByName();
    // Read-only comes after the check whether the kernel made the overlay so by itself.
    plan.SetAttributes(spec_.attributes & ~kAttrReadOnly);
    raw::BuildPlan& ready = plan.Ready();
    auto ran = out_.rootless ? BuildInChild(ready) : BuildHere(ready);
    if (!ran.ok()) return ran;
    auto mount = plan.TakeMount();
    if (!mount.ok()) return Undone(std::move(mount.failure()));
    mount_ = std::move(mount.value());
    if (!writable() || dirs_.upper_fd) return Done{};
    scratch_attributes_.AddWarnings("tmpfs", out_.warnings);
    return KeepScratch(plan);
  }

  // Upper and work of a tmpfs have no path: what was opened is all there is.
  Status KeepScratch(const OverlayPlan& plan) {
    for (const auto& [from, to] :
         {std::pair{plan.upper_fd(), &dirs_.upper_fd}, std::pair{plan.work_fd(), &dirs_.work_fd}}) {
      *to = UniqueFd(::fcntl(from, F_DUPFD_CLOEXEC, 0));
      if (!*to) return Errno("fcntl", "tmpfs");
    }
    return OpenUpperLayer();
  }

  Status MakeByData() {
    MountByDataArgs args;
    for (size_t i = 0; i < lowers_.size(); ++i) {
      const bool data_only = i >= spec_.lower.size();
      (data_only ? args.data_lower : args.lower).push_back(lowers_[i].planned);
    }
    if (dirs_.upper_fd) {
      args.upper = PlannedLayer{dirs_.upper_fd.get(), dirs_.upper};
      args.work = PlannedLayer{dirs_.work_fd.get(), dirs_.work};
    }
    args.options = options_;
    args.target = place_.path;
    args.attributes = spec_.attributes & ~kAttrReadOnly;
    bool compacted = false;
    auto mounted = MountByData(args, compacted);
    if (!mounted.ok()) return Explained(Undone(std::move(mounted.failure())));
    if (compacted) out_.warnings.push_back(Notice{"layers-compacted", "", place_.path, ""});
    return Done{};
  }

  Result<MountedOverlay> Finish() {
    auto status = out_.interface == MountInterface::kMount ? FinishAttached() : FinishDetached();
    if (!status.ok()) return Undone(std::move(status.failure()));
    Leftovers leftovers;
    leftovers.is_volatile = features_.is_volatile;
    leftovers.upper_path = dirs_.upper;
    leftovers.work_path = dirs_.work;
    if (writable()) {
      if (features_.is_volatile && !ephemeral()) {
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

  // Before the mount is attached, as everything that can fail.
  Status Record() {
    if (!guard_) return Done{};
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
    if (guard_ && !left_mounted_) guard_->Release();
    if (!features_.is_volatile || !dirs_.work_fd || left_mounted_) return failure;
    // What is being reported matters more; and the next mount explains what it meets.
    (void)RemoveVolatileMarker(dirs_.work_fd.get(), dirs_.work);
    return failure;
  }

  // The kernel reports success for an overlay that it had to make read-only.
  Status CheckWritable(int fd) const {
    auto fs = StatFs(fd);
    if (!fs.ok()) return std::move(fs.failure());
    if (!writable() || !IsReadOnly(fs.value())) return Done{};
    return Refusal(EROFS, "fsmount", "mounted-read-only", dirs_.work, place_.path);
  }

  Status FinishDetached() {
    auto status = CheckWritable(mount_.get());
    if (!status.ok()) return status;
    auto ids = IdsOf(mount_.get());
    if (!ids.ok()) return std::move(ids.failure());
    ids_ = ids.value();
    if ((spec_.attributes & kAttrReadOnly) != 0) {
      status = MakeReadOnly();
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

  struct RawReadOnly {
    int mount;
    int err;
  };

  static void SetReadOnly(void* argument) {
    auto& call = *static_cast<RawReadOnly*>(argument);
    raw::MountAttr attr;
    attr.attr_set = kAttrReadOnly;
    call.err = raw::MountSetattr(call.mount, "", AT_EMPTY_PATH, attr) == 0 ? 0 : errno;
  }

  Status MakeReadOnly() const {
    RawReadOnly call{mount_.get(), 0};
    if (user_namespace_) {
      auto ran = InUserNamespaceOf(user_namespace_->get(), SetReadOnly, &call);
      if (!ran.ok()) return ran;
    } else {
      SetReadOnly(&call);
    }
    return call.err == 0 ? Status(Done{}) : Refusal(call.err, "mount_setattr", "", place_.path);
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

  static std::atomic<bool> child_needs_names_;

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
  std::shared_ptr<const UniqueFd> user_namespace_;
  UniqueFd mount_;
  MountIds ids_;
  bool left_mounted_ = false;
};

std::atomic<bool> Mounter::child_needs_names_ = false;

}  // namespace

Result<MountedOverlay> MountOverlay(const OverlaySpec& spec) { return Mounter(spec).Run(); }

}  // namespace ovl
