#include "core/overlay_mount.h"

#include <sys/mount.h>

#include <string_view>

#include "core/finding.h"
#include "core/option_check.h"
#include "core/overlay_explanation.h"
#include "core/overlay_features.h"
#include "core/overlay_magic.h"
#include "core/overlay_options.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_privilege.h"
#include "core/upper_dirs.h"

namespace ovl {

namespace {

Failure Because(Failure failure, const char* reason) {
  failure.reason = reason;
  return failure;
}

Result<DirPtr> OpenLower(const std::string& path, uint32_t number) {
  auto dir = OpenLayer(path, number);
  if (dir.ok()) return dir;
  const int err = dir.failure().err;
  if (err == ENOENT) return Because(std::move(dir.failure()), "lower-missing");
  if (err == ENOTDIR) return Because(std::move(dir.failure()), "lower-not-directory");
  return dir;
}

// Resolves the mount point, and finds out now that a mount on it could not be told from others
// later.
Result<std::string> ResolveTarget(const std::string& target) {
  auto fd = OpenPath(target);
  if (!fd.ok()) {
    if (fd.failure().err == ENOENT) return Because(std::move(fd.failure()), "target-missing");
    return std::move(fd.failure());
  }
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return std::move(st.failure());
  if (!S_ISDIR(st.value().st_mode)) {
    return Refusal(ENOTDIR, "mount", "target-not-directory", target);
  }
  auto ids = IdsOf(fd.value().get());
  if (!ids.ok()) {
    ids.failure().path = target;
    return std::move(ids.failure());
  }
  auto place = PathOfFd(fd.value().get());
  if (!place.ok()) return Refusal(place.failure().err, "readlinkat", "no-proc", target);
  return place;
}

// Looks at what was mounted: the kernel reports success for an overlay that it had to make
// read-only.
Status Verify(bool writable, MountedOverlay& out) {
  auto fd = OpenPath(out.target);
  if (!fd.ok()) return std::move(fd.failure());
  auto fs = StatFs(fd.value().get());
  if (!fs.ok()) return std::move(fs.failure());
  if (!IsOverlay(fs.value())) return Refusal(EBUSY, "mount", "covered-at-once", out.target);
  auto ids = IdsOf(fd.value().get());
  if (!ids.ok()) return std::move(ids.failure());
  out.ids = ids.value();
  if (!writable || !IsReadOnly(fs.value())) return Done{};
  return Refusal(EROFS, "mount", "mounted-read-only", out.work.value_or(""), out.target);
}

// Takes a mount that turned out to be no good off again. False if it is still there: then nothing
// that belongs to it may be removed.
bool Undo(const MountedOverlay& mounted, Failure& failure) {
  if (std::string_view(failure.reason) == "covered-at-once") return false;
  const Status undone = Umount(mounted.target, MNT_DETACH | UMOUNT_NOFOLLOW);
  if (!undone.ok()) {
    failure.reason = "left-mounted";
    failure.dest = mounted.target;
  }
  return undone.ok();
}

}  // namespace

Result<MountedOverlay> MountOverlay(const OverlaySpec& spec) {
  const std::string& place = *spec.target;
  if (!HasSysAdmin()) return Refusal(EPERM, "mount", "no-privilege", "overlay", place);
  const bool trusted = CanReadTrustedXattrs();
  const bool userxattr = spec.features.userxattr.value_or(!trusted);
  if (!userxattr && !trusted) {
    return Refusal(EPERM, "mount", "needs-userxattr", "overlay", place);
  }
  MountedOverlay out;
  const MarkerSpace space = userxattr ? MarkerSpace::kUser : MarkerSpace::kTrusted;
  out.layers.marks = MarkReader::Decided(space);
  out.layers.marks.FollowMetacopies(false);  // pinned off
  for (const LayerSpec& layer : spec.lower) {
    auto lower = OpenLower(layer.path, static_cast<uint32_t>(out.layers.lowers.size()));
    if (!lower.ok()) return std::move(lower.failure());
    out.layers.lowers.push_back(std::move(lower.value()));
  }
  auto target = ResolveTarget(place);
  if (!target.ok()) return std::move(target.failure());
  out.target = std::move(target.value());

  OverlayOptions options;
  for (const LayerSpec& layer : spec.lower) options.lower.push_back(layer.path);
  options.rest = FeatureOptions(spec.features, userxattr);
  CreatedDirs created;
  OptionLayers layers;
  for (size_t i = 0; i < out.layers.lowers.size(); ++i) {
    auto lower_fd = out.layers.lowers[i]->Fd();
    if (!lower_fd.ok()) return std::move(lower_fd.failure());
    layers.lowers.push_back({lower_fd.value(), &spec.lower[i].path});
  }
  const bool writable = spec.upper.kind == UpperKind::kDirectory;
  if (writable) {
    auto lower_fd = out.layers.lowers.front()->Fd();
    if (!lower_fd.ok()) return std::move(lower_fd.failure());
    auto dirs = PrepareUpper(spec.upper.path, spec.work, lower_fd.value(), space, created);
    if (!dirs.ok()) return std::move(dirs.failure());
    options.upper = dirs.value().upper;
    out.work = options.work = dirs.value().work;
    out.warnings = std::move(dirs.value().warnings);
    auto upper = OpenLayer(*options.upper, LayerDir::kUpper);
    if (!upper.ok()) return std::move(upper.failure());
    out.layers.upper = std::move(upper.value());
    auto upper_fd = out.layers.upper->Fd();
    if (!upper_fd.ok()) return std::move(upper_fd.failure());
    layers.upper = {upper_fd.value(), &spec.upper.path};
  }
  if (auto found = FindAcceptedMistake(spec.features, options.rest, layers)) {
    return AsFailure(std::move(*found), "mount");
  }
  MountArgs args;
  args.source = args.fstype = "overlay";
  args.target = out.target;
  args.data = FormatMountData(options);
  auto mounted = Mount(args);
  if (!mounted.ok()) return ExplainRefusal(std::move(mounted.failure()), spec, {});
  auto verified = Verify(writable, out);
  if (!verified.ok()) {
    if (!Undo(out, verified.failure())) created.Keep();
    return std::move(verified.failure());
  }
  created.Keep();
  return out;
}

}  // namespace ovl
