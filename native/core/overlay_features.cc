#include "core/overlay_features.h"

namespace ovl {

namespace {

std::string RedirectDir(const FeatureSpec& features, bool userxattr) {
  if (features.redirect_dir) return *features.redirect_dir;
  if (features.metacopy == "on") return "on";  // the kernel refuses one without the other
  return userxattr ? "nofollow" : "follow";
}

}  // namespace

// An upper outlives the machine it was made on, so it must not depend on a distribution's kernel
// defaults. index, metacopy and xino also make the kernel mark every new directory opaque, which
// hides what a lower gains later. Redirects that exist are followed and none are made; a mount with
// userxattr cannot follow any.
std::vector<std::string> FeatureOptions(const FeatureSpec& features, bool userxattr) {
  std::vector<std::string> options;
  const auto add = [&options](const char* key, const std::optional<std::string>& value) {
    if (value) options.push_back(std::string(key) + "=" + *value);
  };
  if (userxattr) options.emplace_back("userxattr");
  add("redirect_dir", RedirectDir(features, userxattr));
  const bool exported = features.nfs_export == "on";  // which implies an index
  if (features.index || !exported) add("index", features.index.value_or("off"));
  add("metacopy", features.metacopy.value_or("off"));
  add("xino", features.xino.value_or("off"));
  add("nfs_export", features.nfs_export.value_or("off"));
  add("uuid", features.uuid);
  add("verity", features.verity);
  if (features.is_volatile) options.emplace_back("volatile");
  if (features.default_permissions) options.emplace_back("default_permissions");
  if (features.override_creds) {
    options.emplace_back(*features.override_creds ? "override_creds" : "nooverride_creds");
  }
  options.insert(options.end(), features.extra.begin(), features.extra.end());
  return options;
}

std::string OptionValue(const std::vector<std::string>& options, const std::string& key) {
  std::string value;
  for (const std::string& option : options) {
    if (option.starts_with(key + "=")) value = option.substr(key.size() + 1);
  }
  return value;
}

}  // namespace ovl
