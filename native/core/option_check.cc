#include "core/option_check.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string_view>
#include <utility>

#include "core/kernel_support.h"
#include "core/markers.h"
#include "core/origin.h"
#include "core/overlay_features.h"
#include "core/sys_file.h"
#include "core/sys_fs_context.h"
#include "core/sys_handle.h"
#include "core/sys_privilege.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

using Options = std::vector<std::string>;

std::string KeyOf(const std::string& option) { return option.substr(0, option.find('=')); }

bool Has(const Options& options, std::string_view option) {
  return std::find(options.begin(), options.end(), option) != options.end();
}

bool IsOn(const Options& options, const char* key) { return OptionValue(options, key) == "on"; }

// nfs_export=on has an index with it.
bool WantsIndex(const Options& options) {
  return IsOn(options, "index") || IsOn(options, "nfs_export");
}

std::string Named(const Options& options, const char* key) {
  return std::string(key) + "=" + OptionValue(options, key);
}

// What has a field of its own, and would be believed to be what that field says.
constexpr std::array<std::string_view, 15> kTyped = {"redirect_dir",
                                                     "index",
                                                     "metacopy",
                                                     "xino",
                                                     "nfs_export",
                                                     "uuid",
                                                     "verity",
                                                     "volatile",
                                                     "userxattr",
                                                     "default_permissions",
                                                     "override_creds",
                                                     "nooverride_creds",
                                                     "source",
                                                     "ro",
                                                     "rw"};
constexpr std::array<std::string_view, 5> kLayers = {"lowerdir", "lowerdir+", "datadir+",
                                                     "upperdir", "workdir"};

template <size_t N>
bool Contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::optional<Finding> FindRawMistake(const FeatureSpec& features) {
  for (const std::string& option : features.extra) {
    const std::string key = KeyOf(option);
    if (Contains(kLayers, key)) return Mistake(EINVAL, "option-is-layer", "", "", option);
    // The second is the newer name of a choice that has one.
    if (Contains(kTyped, key) || option == "fsync=volatile") {
      return Mistake(EINVAL, "option-repeated", "", "", option);
    }
  }
  return std::nullopt;
}

Finding Exclude(const std::string& one, const std::string& other) {
  return Mistake(EINVAL, "options-exclude", "", "", one + " and " + other);
}

bool HasHandles(int fd) {
  auto handle = HandleAt(fd, ".");
  return !handle.ok() || handle.value().has_value();
}

Finding Dropped(const Options& options, std::string path, const char* why) {
  const std::string option = IsOn(options, "index") ? "index=on" : "nfs_export=on";
  return Mistake(EOPNOTSUPP, "option-would-be-dropped", std::move(path), "", option + ": " + why);
}

// The kernel finds the lower of a file by the UUID of its filesystem, so that of two with the same
// one neither can have files in an index.
std::optional<Finding> FindConfusedLowers(const Options& options, const OptionLayers& layers) {
  bool kernel_tells = layers.upper && !FilesystemUuid(layers.upper->fd).empty();
  std::map<dev_t, std::string> uuids;
  for (const OptionLayers::Layer& lower : layers.lowers) {
    auto st = StatFd(lower.fd);
    if (!st.ok() || uuids.contains(st.value().st_dev)) continue;
    auto readable = OpenDirectoryAt(lower.fd, ".");
    if (!readable.ok()) return std::nullopt;
    std::string uuid = FilesystemUuid(readable.value().get());
    kernel_tells |= !uuid.empty();
    const bool met = std::any_of(uuids.begin(), uuids.end(),
                                 [&](const auto& each) { return each.second == uuid; });
    // None at all is the same one too, unless it is the kernel that cannot say (before Linux 6.9).
    if (met && (!uuid.empty() || kernel_tells)) {
      return Dropped(options, *lower.path,
                     "two lowers lie on filesystems with the same UUID, or with none");
    }
    uuids.emplace(st.value().st_dev, std::move(uuid));
  }
  return std::nullopt;
}

// The handle that an attribute records, if it records one.
std::optional<FileHandle> Recorded(int holder, const char* mark) {
  std::string value;
  const auto got = GetXattr(holder, MarkerName(MarkerSpace::kTrusted, mark), value);
  if (!got.ok() || !got.value()) return std::nullopt;
  auto origin = ParseOrigin(value);
  if (!origin) return std::nullopt;
  return std::move(origin->handle);
}

bool IsAnother(const FileHandle& recorded, int dir) {
  auto handle = HandleAt(dir, ".");
  return handle.ok() && handle.value() && !(recorded == *handle.value());
}

}  // namespace

Findings FindOptionConflicts(const OverlaySpec& spec, const Options& options) {
  Findings found;
  const bool user = Has(options, "userxattr");
  const bool writable = spec.upper.kind != UpperKind::kNone;
  const std::string redirect = OptionValue(options, "redirect_dir");
  const bool metacopy = IsOn(options, "metacopy");
  const bool exported = IsOn(options, "nfs_export");
  // Who may not write trusted.* has userxattr without having asked for it.
  const bool implied = user && !spec.features.userxattr;
  const auto against_user = [&](const std::string& option) {
    found.push_back(implied ? Mistake(EINVAL, "option-needs-trusted", "", "", option)
                            : Exclude("userxattr", option));
  };
  if (user && metacopy) against_user("metacopy=on");
  // "off" is an alias of "follow" where the module parameter redirect_always_follow is on, so it
  // depends on the machine.
  if (user && !redirect.empty() && redirect != "nofollow") {
    against_user(Named(options, "redirect_dir"));
  }
  const bool enough = redirect.empty() || redirect == "on" || (!writable && redirect == "follow");
  if (metacopy && !enough) {
    found.push_back(Exclude("metacopy=on", Named(options, "redirect_dir")));
  }
  if (metacopy && exported) found.push_back(Exclude("metacopy=on", "nfs_export=on"));
  if (exported && OptionValue(options, "index") == "off") {
    found.push_back(Exclude("nfs_export=on", "index=off"));
  }
  return found;
}

Findings FindUnknownOptions(const Options& options) {
  Findings found;
  if (!HasRealFsopen()) return found;
  for (const std::string& option : options) {
    const std::string key = KeyOf(option);
    if (!KnowsOption(key)) {
      found.push_back(Mistake(EINVAL, "option-unknown", "", "", key));
      continue;
    }
    auto fs = Fsopen("overlay");  // a new one for each: after an error the rest counts for nothing
    if (!fs.ok()) return found;
    const bool flag = key.size() == option.size();
    const auto set = flag ? FsconfigFlag(fs.value().get(), key)
                          : FsconfigString(fs.value().get(), key, option.substr(key.size() + 1));
    if (set.ok()) continue;
    found.push_back(Mistake(set.failure().err, "option-bad-value", "", "", option));
  }
  return found;
}

std::optional<Finding> FindDroppedOption(const Options& options, const OptionLayers& layers) {
  const bool index = WantsIndex(options);
  if (!layers.upper) {
    for (const char* const each : {"index=on", "uuid=on", "volatile"}) {
      if (Has(options, each)) return Mistake(EINVAL, "option-needs-upper", "", "", each);
    }
  }
  if (!index) return std::nullopt;
  if (!CanOpenByHandle()) {
    return Dropped(options, "",
                   "file handles are for CAP_DAC_READ_SEARCH in the initial user namespace");
  }
  constexpr const char* kNoHandles = "the filesystem has no file handles";
  if (layers.upper && layers.upper->fd >= 0 && !HasHandles(layers.upper->fd)) {
    return Dropped(options, *layers.upper->path, kNoHandles);
  }
  for (const OptionLayers::Layer& lower : layers.lowers) {
    if (!HasHandles(lower.fd)) return Dropped(options, *lower.path, kNoHandles);
  }
  return FindConfusedLowers(options, layers);
}

std::optional<Finding> FindAcceptedMistake(const FeatureSpec& features, const Options& options,
                                           const OptionLayers& layers) {
  if (features.extra.empty()) return FindDroppedOption(options, layers);
  auto raw = FindRawMistake(features);
  return raw ? std::move(raw) : FindDroppedOption(options, layers);
}

std::optional<Finding> FindStaleOrigin(const Options& options, const OptionLayers& layers) {
  if (!layers.upper || layers.lowers.empty() || !WantsIndex(options)) return std::nullopt;
  const OptionLayers::Layer& lower = layers.lowers.front();
  const auto recorded = Recorded(layers.upper->fd, "origin");
  if (!recorded || !IsAnother(*recorded, lower.fd)) return std::nullopt;
  return Mistake(ESTALE, "stale-origin", *layers.upper->path, *lower.path);
}

std::optional<Finding> FindStaleIndex(const Options& options, const OptionLayers& layers,
                                      bool upper_is_new, int work, const std::string& work_path) {
  if (!layers.upper || !WantsIndex(options)) return std::nullopt;
  auto index = OpenDirectoryAt(work, "index");
  if (!index.ok()) return std::nullopt;
  const auto recorded = Recorded(index.value().get(), "upper");
  if (!recorded || (!upper_is_new && !IsAnother(*recorded, layers.upper->fd))) return std::nullopt;
  return Mistake(ESTALE, "stale-index", work_path, *layers.upper->path);
}

}  // namespace ovl
