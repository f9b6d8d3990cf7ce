#include "core/overlay_explanation.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "core/finding.h"
#include "core/layer_place.h"
#include "core/overlay_features.h"
#include "core/overlay_inspection.h"
#include "core/overlay_magic.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

// What the kernel says by these numbers is about what it was given; by others (EIO, ENOMEM, ENOSPC)
// it is about the machine, and a mistake in the layers is not the cause.
bool IsAboutTheSpec(int err) {
  constexpr int kAll[] = {EINVAL, ELOOP, ESTALE, EPERM, EACCES, EROFS, ENOENT, ENOTDIR, EOPNOTSUPP};
  return std::find(std::begin(kAll), std::end(kAll), err) != std::end(kAll);
}

// The first error with the kernel's number; else the first at all, since what we check beforehand
// often has a better number than the kernel's EINVAL.
std::optional<Finding> MostLikely(const Findings& findings, int err) {
  const auto errors_end = std::find_if(findings.begin(), findings.end(), [](const Finding& f) {
    return f.severity != Severity::kError;
  });
  const auto is_exact = [err](const Finding& f) { return f.err == err; };
  // The mark of a volatile mount may be of the very one that was refused for another mistake.
  const auto other = std::find_if(findings.begin(), errors_end, [&](const Finding& f) {
    return is_exact(f) && std::string_view(f.reason) != "work-volatile";
  });
  if (other != errors_end) return *other;
  const auto exact = std::find_if(findings.begin(), errors_end, is_exact);
  if (exact != errors_end) return *exact;
  if (findings.begin() == errors_end || !IsAboutTheSpec(err)) return std::nullopt;
  return findings.front();
}

// What only some kernels refuse, so that it is no mistake before one has.
std::optional<Finding> SuspectOfOldKernel(const OverlaySpec& spec) {
  const bool user = spec.features.userxattr.value_or(!CanReadTrustedXattrs());
  const auto options = FeatureOptions(spec.features, user);
  const std::string verity = OptionValue(options, "verity");
  if (!spec.data_lower.empty() && OptionValue(options, "metacopy") != "on") {
    return Mistake(EINVAL, "data-needs-metacopy", spec.data_lower.front().path);
  }
  if (user && (verity == "on" || verity == "require")) {
    return Mistake(EINVAL, "options-exclude", "", "", "userxattr and verity=" + verity);
  }
  return std::nullopt;
}

// How deep overlays lie on each other is read from the table of mounts, in which a detached one
// does not appear.
std::optional<Finding> SuspectOfDepth(const OverlaySpec& spec) {
  for (const LayerSpec& lower : spec.lower) {
    auto place = FindPlace(lower);
    if (!place.ok() || !IsOverlay(place.value().fs)) continue;
    return Mistake(EINVAL, "perhaps-too-deep", place.value().path);
  }
  return std::nullopt;
}

std::optional<Finding> ByNumber(int err, const OverlaySpec& spec) {
  switch (err) {
    case ENODEV:
      return Mistake(ENODEV, "no-overlay", "overlay");
    case ENOSPC:
      return Mistake(ENOSPC, "too-many-mounts");
    case EIO:
      if (spec.features.is_volatile) return Mistake(EIO, "volatile-after-error", spec.upper.path);
      return std::nullopt;
    case EINVAL:
      if (auto suspect = SuspectOfOldKernel(spec)) return suspect;
      return SuspectOfDepth(spec);
    default:
      return std::nullopt;
  }
}

// An ordinary user cannot look into the "work" of his own that the kernel has left without
// permissions, and a volatile mount's mark lies in there.
std::optional<Finding> HiddenFromUs(int err, const OverlaySpec& spec) {
  if (err != EINVAL || MayMount() || spec.upper.kind != UpperKind::kDirectory) {
    return std::nullopt;
  }
  return Mistake(EINVAL, "work-unreadable",
                 spec.work.value_or(spec.upper.path + ".work") + "/work");
}

bool SaysWhy(const std::vector<std::string>& log) {
  return std::any_of(log.begin(), log.end(),
                     [](const std::string& line) { return line.starts_with("e "); });
}

}  // namespace

Failure ExplainRefusal(Failure failure, const OverlaySpec& spec, std::vector<std::string> log) {
  failure.log = std::move(log);
  if (*failure.reason != '\0') return failure;
  auto cause = MostLikely(InspectOverlay(spec), failure.err);
  if (!cause) cause = ByNumber(failure.err, spec);
  if (!cause && !SaysWhy(failure.log)) {
    cause = HiddenFromUs(failure.err, spec);
    if (!cause && failure.err == EINVAL) cause = Mistake(EINVAL, "refused-without-reason");
  }
  if (!cause) return failure;
  failure.reason = cause->reason;
  failure.detail = std::move(cause->detail);
  if (!cause->path.empty()) failure.path = std::move(cause->path);
  failure.dest = cause->dest.empty() ? spec.target.value_or("") : std::move(cause->dest);
  return failure;
}

}  // namespace ovl
