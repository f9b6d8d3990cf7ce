// The options of an overlay: what is pinned, and how each is written.
#include "core/overlay_features.h"

#include "test/check.h"

namespace {

using Strings = std::vector<std::string>;

ovl::FeatureSpec With(void (*change)(ovl::FeatureSpec&)) {
  ovl::FeatureSpec features;
  change(features);
  return features;
}

}  // namespace

TEST(FeaturesThatArePinned) {
  CHECK_EQ(ovl::FeatureOptions({}, false), Strings{"redirect_dir=follow", "index=off",
                                                   "metacopy=off", "xino=off", "nfs_export=off"});
  CHECK_EQ(ovl::FeatureOptions({}, true), Strings{"userxattr", "redirect_dir=nofollow", "index=off",
                                                  "metacopy=off", "xino=off", "nfs_export=off"});
}

TEST(FeaturesThatAreAskedFor) {
  const auto all = With([](ovl::FeatureSpec& features) {
    features.redirect_dir = "on";
    features.index = "on";
    features.metacopy = "on";
    features.xino = "auto";
    features.nfs_export = "off";
    features.uuid = "null";
    features.verity = "require";
    features.is_volatile = true;
    features.default_permissions = true;
    features.override_creds = false;
    features.extra = {"fsync=strict", "newer"};
  });
  const Strings expected = {"redirect_dir=on",  "index=on",       "metacopy=on",
                            "xino=auto",        "nfs_export=off", "uuid=null",
                            "verity=require",   "volatile",       "default_permissions",
                            "nooverride_creds", "fsync=strict",   "newer"};
  CHECK_EQ(ovl::FeatureOptions(all, false), expected);
}

// Where the kernel refuses one without another.
TEST(FeaturesThatImplyOthers) {
  const auto metacopy = With([](ovl::FeatureSpec& features) { features.metacopy = "on"; });
  CHECK_EQ(ovl::OptionValue(ovl::FeatureOptions(metacopy, false), "redirect_dir"), "on");
  const auto exported = With([](ovl::FeatureSpec& features) { features.nfs_export = "on"; });
  CHECK_EQ(ovl::OptionValue(ovl::FeatureOptions(exported, false), "index"), "");
  const auto both = With([](ovl::FeatureSpec& features) {
    features.nfs_export = "on";
    features.index = "off";
  });
  CHECK_EQ(ovl::OptionValue(ovl::FeatureOptions(both, false), "index"), "off");
  const auto explicit_redirect = With([](ovl::FeatureSpec& features) {
    features.metacopy = "on";
    features.redirect_dir = "follow";
  });
  CHECK_EQ(ovl::OptionValue(ovl::FeatureOptions(explicit_redirect, false), "redirect_dir"),
           "follow");
}

TEST(FeaturesWithCredentials) {
  for (const bool with : {true, false}) {
    ovl::FeatureSpec features;
    features.override_creds = with;
    CHECK_EQ(ovl::FeatureOptions(features, false).back(),
             with ? "override_creds" : "nooverride_creds");
  }
}

TEST(FeaturesByTheirLastValue) {
  const Strings options = {"index=off", "indexes=3", "index", "index=on", "xino=off"};
  CHECK_EQ(ovl::OptionValue(options, "index"), "on");
  CHECK_EQ(ovl::OptionValue(options, "xino"), "off");
  CHECK_EQ(ovl::OptionValue(options, "ind"), "");
  CHECK_EQ(ovl::OptionValue({"a=b=c"}, "a"), "b=c");
}
