#include "core/overlay_options.h"

#include <string>

#include "core/mountinfo.h"
#include "test/check.h"
#include "test/tree.h"

using ovl::FormatMountData;
using ovl::OverlayOptions;

namespace {

using Strings = std::vector<std::string>;

const Strings kNames = {"/plain",     "/a,b",        "/a:b",       "/a\\b",      "/a b",
                        "/a\nb",      "/a\tb",       "/a\"b'c",    "/a=b",       "/a#b",
                        "/\xff\xfe",  "/\xc3\xa9",   "/end\\",     "/end:",      "/end,",
                        "/a\\,b",     "/a\\:b",      "/a\\\\b",    "/a::b",      "/,:\\ \n",
                        "/\\134\\04", "/\\054\\040", "/upperdir=", "/,userxattr"};

// What the mount table shows for text given to mount(2): seq_escape of " \t\n\\" and of the comma.
std::string AsShown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case ' ':
        out += "\\040";
        break;
      case '\t':
        out += "\\011";
        break;
      case '\n':
        out += "\\012";
        break;
      case '\\':
        out += "\\134";
        break;
      case ',':
        out += "\\054";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

// As in the mount table.
OverlayOptions Parse(std::string_view shown) {
  return ovl::ParseOverlayOptions(ovl::SplitOptions(shown));
}

// Mount data as the kernel splits it: at commas that no backslash protects, which stays.
Strings SplitData(const std::string& data) {
  Strings out(1);
  for (size_t i = 0; i < data.size(); ++i) {
    if (data[i] == '\\' && i + 1 < data.size()) {
      out.back().push_back(data[i++]);
      out.back().push_back(data[i]);
    } else if (data[i] == ',') {
      out.emplace_back();
    } else {
      out.back().push_back(data[i]);
    }
  }
  return out;
}

}  // namespace

TEST(OptionsFormatExactly) {
  OverlayOptions options;
  options.lower = {"/l"};
  CHECK_EQ(FormatMountData(options), "lowerdir=/l");
  options.lower = {"/a", "/b", "/c"};
  options.upper = "/u";
  options.work = "/w";
  CHECK_EQ(FormatMountData(options), "lowerdir=/a:/b:/c,upperdir=/u,workdir=/w");
  options.userxattr = true;
  options.rest = {"index=off", "redirect_dir=nofollow"};
  CHECK_EQ(FormatMountData(options),
           "lowerdir=/a:/b:/c,upperdir=/u,workdir=/w,userxattr,index=off,redirect_dir=nofollow");
}

TEST(OptionsFormatEscapes) {
  OverlayOptions options;
  options.lower = {"/a,b", "/c:d", "/e\\f"};
  options.upper = "/u,v:w\\x";
  options.work = "/w,:\\ \n\xff";
  CHECK_EQ(FormatMountData(options),
           "lowerdir=/a\\,b:/c\\:d:/e\\\\f,upperdir=/u\\,v:w\\\\x,workdir=/w\\,:\\\\ \n\xff");
}

TEST(OptionsRoundTripThroughTheTable) {
  OverlayOptions options;
  options.lower = kNames;
  for (const std::string& name : kNames) {
    options.upper = name;
    options.work = name + ".work";
    std::string shown = "rw";
    for (const std::string& option : SplitData(FormatMountData(options))) {
      shown += "," + AsShown(option);
    }
    const OverlayOptions back = Parse(shown);
    CHECK_EQ(back.lower, kNames);
    CHECK_EQ(back.data_only, Strings{});
    CHECK_EQ(back.upper.value_or("none"), name);
    CHECK_EQ(back.work.value_or("none"), name + ".work");
    CHECK_EQ(back.rest, Strings{});
  }
}

TEST(OptionsParseNothing) {
  const OverlayOptions options = Parse("");
  CHECK_EQ(options.lower, Strings{});
  CHECK(!options.upper);
  CHECK(!options.work);
  CHECK(!options.userxattr);
  CHECK_EQ(options.rest, Strings{});
}

TEST(OptionsParseKeepsTheRest) {
  const OverlayOptions options = Parse(
      "ro,lowerdir=/l,redirect_dir=on,userxattr,volatile,xino=off,uuid=null,flag=,context=\"a\"");
  CHECK_EQ(options.lower, Strings{"/l"});
  CHECK(!options.upper);
  CHECK(options.userxattr);
  CHECK_EQ(options.rest, Strings{"redirect_dir=on", "volatile", "xino=off", "uuid=null",
                                 "flag=", "context=\"a\""});
  CHECK_EQ(Parse("rw").rest, Strings{});
  CHECK_EQ(Parse("rwx,root").rest, Strings{"rwx", "root"});
}

TEST(OptionsParseDataLayers) {
  const OverlayOptions options = Parse("ro,lowerdir=/a:/b::/c::/d");
  CHECK_EQ(options.lower, Strings{"/a", "/b"});
  CHECK_EQ(options.data_only, Strings{"/c", "/d"});
  // Escaped colons separate nothing.
  const OverlayOptions escaped = Parse("ro,lowerdir=/a\\134:\\134:b::/c\\134:d");
  CHECK_EQ(escaped.lower, Strings{"/a::b"});
  CHECK_EQ(escaped.data_only, Strings{"/c:d"});
}

TEST(OptionsParseAppendedLayersRaw) {
  const OverlayOptions options = Parse(
      "rw,lowerdir+=/a:b,lowerdir+=/c\\134:d,lowerdir+=/e\\040f,datadir+=/g::h,datadir+=/i\\054j");
  CHECK_EQ(options.lower, Strings{"/a:b", "/c\\:d", "/e f"});
  CHECK_EQ(options.data_only, Strings{"/g::h", "/i,j"});
}

TEST(OptionsParseTakesTheNameThatExists) {
  // Given as a descriptor, a layer is shown without overlayfs's own backslashes.
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("raw\\,name");
  tree.Dir("plain,name");
  tree.Dir("both\\:x");
  tree.Dir("both:x");
  const auto upper = [&](const std::string& name) {
    return Parse("rw,upperdir=" + AsShown(temp.path() + "/" + name)).upper;
  };
  CHECK_EQ(upper("raw\\,name").value_or(""), tree.Path("raw\\,name"));
  CHECK_EQ(upper("plain\\,name").value_or(""), tree.Path("plain,name"));
  CHECK_EQ(upper("both\\:x").value_or(""), tree.Path("both:x"));
  CHECK_EQ(upper("gone\\,x").value_or(""), tree.Path("gone,x"));
}

TEST(OptionsSayWhichLayersWereDeleted) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("there (deleted)");
  const std::string there = tree.Path("there (deleted)");
  const std::string gone = tree.Path("gone (deleted)");
  const std::string data = tree.Path("data (deleted)");
  const OverlayOptions options =
      Parse("ro,lowerdir+=" + AsShown(there) + ",lowerdir+=" + AsShown(gone) +
            ",lowerdir+=" + tree.Path("missing") + ",datadir+=" + AsShown(data));
  CHECK_EQ(ovl::DeletedLayers(options), (Strings{gone, data}));
  CHECK_EQ(ovl::DeletedLayers(Parse("rw,upperdir=/x\\040(deleted)")), Strings{"/x (deleted)"});
}

TEST(OptionsParseSurvivesOddText) {
  CHECK_EQ(Parse(",,,").rest, (Strings{"", "", ""}));
  CHECK_EQ(Parse("lowerdir=").lower, Strings{});
  CHECK_EQ(Parse("lowerdir=:::").lower, Strings{});
  CHECK_EQ(Parse("lowerdir=/a:").lower, Strings{"/a"});
  CHECK_EQ(Parse("lowerdir=/a\\134").lower, Strings{"/a\\"});
  CHECK_EQ(Parse("upperdir").upper.value_or("none"), "");
  CHECK_EQ(Parse("workdir=/a=b").work.value_or("none"), "/a=b");
}
