#include "core/markers.h"

#include <sys/sysmacros.h>

#include <string>

#include "test/check.h"

using ovl::FindMarkers;
using ovl::Markers;
using ovl::MarkerSpace;
using ovl::VisibleXattrs;

namespace {

using Strings = std::vector<std::string>;

// As listxattr(2) gives it.
std::string List(const Strings& names) {
  std::string list;
  for (const std::string& name : names) list.append(name).push_back('\0');
  return list;
}

std::string Show(const Markers& found) {
  std::string out;
  if (found.opaque) out += "opaque ";
  if (found.redirect) out += "redirect ";
  if (found.metacopy) out += "metacopy ";
  if (found.whiteout) out += "whiteout ";
  if (found.nlink) out += "nlink ";
  return out;
}

Strings Visible(const Strings& names, MarkerSpace space) {
  Strings out;
  for (const auto& each : VisibleXattrs(List(names), space)) {
    out.push_back(each.stored == each.visible ? each.visible : each.stored + ">" + each.visible);
  }
  return out;
}

}  // namespace

TEST(MarkersOfBothNamespaces) {
  const std::string list =
      List({"trusted.overlay.opaque", "user.overlay.redirect", "trusted.overlay.metacopy",
            "user.overlay.whiteout", "trusted.overlay.nlink"});
  CHECK_EQ(Show(FindMarkers(list, MarkerSpace::kTrusted)), "opaque metacopy nlink ");
  CHECK_EQ(Show(FindMarkers(list, MarkerSpace::kUser)), "redirect whiteout ");
  const std::string all =
      List({"user.overlay.nlink", "user.overlay.whiteout", "user.overlay.metacopy",
            "user.overlay.redirect", "user.overlay.opaque"});
  CHECK_EQ(Show(FindMarkers(all, MarkerSpace::kUser)), "opaque redirect metacopy whiteout nlink ");
  CHECK_EQ(Show(FindMarkers(all, MarkerSpace::kTrusted)), "");
}

TEST(MarkersAreWholeNames) {
  const std::string list = List({"user.overlay.opaquex", "user.overlay.opaqu", "user.overlay.",
                                 "user.overlay.overlay.opaque", "user.overlay.OPAQUE",
                                 "user.opaque", "xuser.overlay.opaque"});
  CHECK_EQ(Show(FindMarkers(list, MarkerSpace::kUser)), "");
  CHECK_EQ(Show(FindMarkers("", MarkerSpace::kUser)), "");
  CHECK_EQ(Show(FindMarkers(std::string("\0\0", 2), MarkerSpace::kUser)), "");
  // The last name of a list that was cut short.
  CHECK_EQ(Show(FindMarkers("user.overlay.opaque", MarkerSpace::kUser)), "opaque ");
}

TEST(MarkerNamesAreFull) {
  CHECK_EQ(ovl::MarkerName(MarkerSpace::kUser, "opaque"), "user.overlay.opaque");
  CHECK_EQ(ovl::MarkerName(MarkerSpace::kTrusted, "redirect"), "trusted.overlay.redirect");
}

TEST(OverlayXattrsAreThoseOfBothNamespacesInOrder) {
  CHECK_EQ(
      ovl::OverlayXattrs(
          List({"user.x", "user.overlay.origin", "trusted.overlay.impure", "security.capability",
                "trusted.overlay.overlay.opaque", "user.overlay"})),
      Strings{"trusted.overlay.impure", "trusted.overlay.overlay.opaque", "user.overlay.origin"});
  CHECK_EQ(ovl::OverlayXattrs(""), Strings{});
}

TEST(VisibleXattrsHideOwnMarks) {
  const Strings names = {"user.z", "trusted.overlay.opaque", "user.overlay.opaque", "security.a"};
  CHECK_EQ(Visible(names, MarkerSpace::kTrusted),
           Strings{"security.a", "user.overlay.opaque", "user.z"});
  CHECK_EQ(Visible(names, MarkerSpace::kUser),
           Strings{"security.a", "trusted.overlay.opaque", "user.z"});
}

TEST(VisibleXattrsUndoOneLevelOfEscaping) {
  CHECK_EQ(Visible({"user.overlay.overlay.opaque", "user.overlay.overlay.overlay.x"},
                   MarkerSpace::kUser),
           Strings{"user.overlay.overlay.opaque>user.overlay.opaque",
                   "user.overlay.overlay.overlay.x>user.overlay.overlay.x"});
  CHECK_EQ(Visible({"trusted.overlay.overlay.opaque"}, MarkerSpace::kTrusted),
           Strings{"trusted.overlay.overlay.opaque>trusted.overlay.opaque"});
  CHECK_EQ(Visible({"trusted.overlay.overlay.opaque"}, MarkerSpace::kUser),
           Strings{"trusted.overlay.overlay.opaque"});
  CHECK_EQ(Visible({"user.overlay.overlayx"}, MarkerSpace::kUser), Strings{});
}

TEST(VisibleXattrsAreInOrderOfTheVisibleName) {
  CHECK_EQ(Visible({"user.overlay.z", "user.overlay.overlay.b", "user.overlaz", "user.\xff",
                    "user.a", "security.selinux"},
                   MarkerSpace::kUser),
           Strings{"security.selinux", "user.a", "user.overlay.overlay.b>user.overlay.b",
                   "user.overlaz", "user.\xff"});
}

TEST(VisibleXattrsHideWhatXfsStoresForItself) {
  CHECK_EQ(Visible({"trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT", "trusted.SGI_ACL_FILEX",
                    "system.posix_acl_access"},
                   MarkerSpace::kUser),
           Strings{"system.posix_acl_access", "trusted.SGI_ACL_FILEX"});
}

TEST(WhiteoutDevicesAreExactlyCharacterZeroZero) {
  struct stat st {};
  const auto is = [&](mode_t mode, unsigned major, unsigned minor) {
    st.st_mode = mode;
    st.st_rdev = makedev(major, minor);
    return ovl::IsWhiteoutDevice(st);
  };
  CHECK(is(S_IFCHR, 0, 0));
  CHECK(is(S_IFCHR | 0666, 0, 0));
  CHECK(!is(S_IFCHR, 0, 1));
  CHECK(!is(S_IFCHR, 1, 0));
  CHECK(!is(S_IFBLK, 0, 0));
  CHECK(!is(S_IFREG, 0, 0));
  CHECK(!is(S_IFIFO, 0, 0));
}

TEST(OnlyEmptyRegularFilesMayBeXattrWhiteouts) {
  struct stat st {};
  st.st_mode = S_IFREG | 0644;
  CHECK(ovl::MayBeXattrWhiteout(st));
  st.st_size = 1;
  CHECK(!ovl::MayBeXattrWhiteout(st));
  st.st_size = 0;
  st.st_mode = S_IFIFO;
  CHECK(!ovl::MayBeXattrWhiteout(st));
}
