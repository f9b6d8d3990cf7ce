// Redirects and metacopies. They exist in the trusted.* namespace only, which only root can write.
#include <sys/stat.h>

#include <string>

#include "core/stack_lookup.h"
#include "test/check.h"
#include "test/hand_layers.h"

using ovl::Layers;
using ovl::MarkerSpace;

TEST(RedirectRelativeReplacesTheName) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("p/new");
  hand.Redirect(hand.lower(0), "p/new", "old");
  hand.lower(1).Dir("p/new");
  hand.lower(1).Dir("p/old");
  hand.lower(2).Dir("p/new");
  hand.lower(2).File("p/old/f");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "p/new"), "dirs l0/p/new l1/p/old l2/p/old");
  CHECK_EQ(LookupPath(hand, layers, "p/new/f"), "file l2/p/old/f");
  CHECK_EQ(LookupPath(hand, layers, "p/old"), "dirs l1/p/old l2/p/old");
}

TEST(RedirectsAddUp) {
  HandLayers hand(4, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("c");
  hand.Redirect(hand.lower(0), "c", "b");
  hand.lower(1).Dir("b");
  hand.Redirect(hand.lower(1), "b", "/x/a");
  hand.lower(2).Dir("x/a");
  hand.Redirect(hand.lower(2), "x/a", "z");
  hand.lower(3).Dir("x/z");
  hand.lower(3).Dir("a");
  hand.lower(3).Dir("z");
  CHECK_EQ(LookupPath(hand, hand.Open(), "c"), "dirs l0/c l1/b l2/x/a l3/x/z");
}

TEST(RedirectAbsoluteRestartsFromTheRoots) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  // The parent is in the top layer alone, and "b" of that layer is not looked at again.
  hand.lower(0).Dir("a/new");
  hand.Redirect(hand.lower(0), "a/new", "/b/old");
  hand.lower(0).Dir("b/old");
  hand.lower(1).Dir("b");
  hand.lower(2).Dir("b/old");
  hand.lower(2).Dir("a/new");
  CHECK_EQ(LookupPath(hand, hand.Open(), "a/new"), "dirs l0/a/new l2/b/old");
}

TEST(RedirectAbsoluteGoesOnBelowTheLayerThatHasIt) {
  HandLayers hand(4, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(2).Dir("a/new");
  hand.Redirect(hand.lower(2), "a/new", "/b/old");
  for (size_t i = 0; i < 4; ++i) hand.lower(i).Dir("b/old");
  CHECK_EQ(LookupPath(hand, hand.Open(), "a/new"), "dirs l2/a/new l3/b/old");
}

TEST(RedirectOnAnAbsolutePathRewritesTheRestCumulatively) {
  for (const bool present : {false, true}) {
    HandLayers hand(3, MarkerSpace::kTrusted);
    if (!hand.Usable()) return;
    hand.lower(0).Dir("x");
    hand.Redirect(hand.lower(0), "x", "/p/q");
    hand.lower(1).Dir(present ? "p/q" : "p");
    hand.Redirect(hand.lower(1), "p", "r");
    hand.lower(2).Dir("p/q");
    hand.lower(2).Dir("r/q");
    CHECK_EQ(LookupPath(hand, hand.Open(), "x"),
             std::string(present ? "dirs l0/x l1/p/q l2/r/q" : "dirs l0/x l2/r/q"));
  }
}

TEST(RedirectsOfSeveralComponentsAreAllApplied) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("x");
  hand.Redirect(hand.lower(0), "x", "/a/b/c");
  hand.lower(1).Dir("a/b/c");
  hand.Redirect(hand.lower(1), "a", "longer-a");
  hand.Redirect(hand.lower(1), "a/b", "s");
  hand.Redirect(hand.lower(1), "a/b/c", "new-c");
  hand.lower(2).Dir("longer-a/s/new-c");
  CHECK_EQ(LookupPath(hand, hand.Open(), "x"), "dirs l0/x l1/a/b/c l2/longer-a/s/new-c");
}

TEST(RedirectAbsoluteOnAnAbsolutePathStartsOver) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("x");
  hand.Redirect(hand.lower(0), "x", "/p/q");
  hand.lower(1).Dir("p/q");
  hand.Redirect(hand.lower(1), "p", "/far/away");
  hand.lower(2).Dir("p/q");
  hand.lower(2).Dir("far/away/q");
  CHECK_EQ(LookupPath(hand, hand.Open(), "x"), "dirs l0/x l1/p/q l2/far/away/q");
}

TEST(RedirectThroughAnOpaqueDirectory) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  for (const char* name : {"ends", "goes-on"}) {
    const std::string path = std::string("p-") + name;
    hand.lower(0).Dir(name);
    hand.Redirect(hand.lower(0), name, "/" + path + "/q");
    hand.lower(1).Dir(path + "/q");
    hand.Opaque(hand.lower(1), path);
    hand.lower(2).Dir(path + "/q");
  }
  hand.Redirect(hand.lower(1), "p-goes-on/q", "/t");
  hand.lower(2).Dir("t");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "ends"), "dirs l0/ends l1/p-ends/q");
  CHECK_EQ(LookupPath(hand, layers, "goes-on"), "dirs l0/goes-on l1/p-goes-on/q l2/t");
}

TEST(RedirectThroughAWhiteoutOrAFileEnds) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  for (const char* name : {"whiteout", "file"}) {
    hand.lower(0).Dir(name);
    hand.Redirect(hand.lower(0), name, "/p-" + std::string(name) + "/q");
    hand.lower(2).Dir("p-" + std::string(name) + "/q");
  }
  hand.lower(1).Whiteout("p-whiteout");
  hand.lower(1).File("p-file");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "whiteout"), "dirs l0/whiteout");
  CHECK_EQ(LookupPath(hand, layers, "file"), "dirs l0/file");
}

TEST(RedirectToNothingOrToAFileIsNoLower) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("to-nothing");
  hand.Redirect(hand.lower(0), "to-nothing", "gone");
  hand.lower(1).Dir("to-nothing");
  hand.lower(0).Dir("to-file");
  hand.Redirect(hand.lower(0), "to-file", "/file");
  hand.lower(1).File("file");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "to-nothing"), "dirs l0/to-nothing");
  CHECK_EQ(LookupPath(hand, layers, "to-file"), "dirs l0/to-file");
}

TEST(RedirectOfAnOpaqueDirectoryIsIgnored) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("d");
  hand.Opaque(hand.lower(0), "d");
  hand.Redirect(hand.lower(0), "d", "old");
  hand.lower(1).Dir("old");
  hand.lower(0).Dir("x");
  hand.Mark(hand.lower(0), "x", "opaque", "x");
  hand.Redirect(hand.lower(0), "x", "old");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "d"), "dirs l0/d");
  CHECK_EQ(LookupPath(hand, layers, "x"), "dirs l0/x l1/old");
}

TEST(RedirectValuesThatTheKernelRefuses) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  const std::string bad[] = {"", "/", "//", "a/b", "a/", "/a/", "/a//b"};
  for (size_t i = 0; i < std::size(bad); ++i) {
    const std::string name = "d" + std::to_string(i);
    hand.lower(0).Dir(name);
    hand.Redirect(hand.lower(0), name, bad[i]);
    const std::string file = "f" + std::to_string(i);
    hand.Metacopy(hand.lower(0), file, 1);
    hand.Redirect(hand.lower(0), file, bad[i]);
  }
  const Layers layers = hand.Open();
  for (size_t i = 0; i < std::size(bad); ++i) {
    const std::string name = "d" + std::to_string(i);
    CHECK_EQ(LookupPath(hand, layers, name), "EINVAL bad-redirect l0/" + name);
    const std::string file = "f" + std::to_string(i);
    CHECK_EQ(LookupPath(hand, layers, file), "EINVAL bad-redirect l0/" + file);
  }
}

TEST(RedirectValuesOfOddBytes) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  const std::string odd[] = {"...", ".hidden", "..x", "\xff \n:,\\"};
  for (size_t i = 0; i < std::size(odd); ++i) {
    const std::string name = "d" + std::to_string(i);
    hand.lower(0).Dir(name);
    hand.Redirect(hand.lower(0), name, odd[i]);
    hand.lower(1).Dir(odd[i]);
  }
  const Layers layers = hand.Open();
  for (size_t i = 0; i < std::size(odd); ++i) {
    const std::string name = "d" + std::to_string(i);
    CHECK_EQ(LookupPath(hand, layers, name), "dirs l0/" + name + " l1/" + odd[i]);
  }
}

TEST(RedirectThroughADotIsRefusedWhenTheSearchGetsThere) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  for (const auto& [name, redirect] :
       {std::pair{"up", ".."}, {"here", "."}, {"top", "/.."}, {"inside", "/a/../b"}}) {
    hand.lower(0).Dir(name);
    hand.Redirect(hand.lower(0), name, redirect);
  }
  hand.lower(0).Dir("missing");
  hand.Redirect(hand.lower(0), "missing", "/none/../b");
  hand.lower(1).Dir("a");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "up"), "EACCES bad-redirect l1/..");
  CHECK_EQ(LookupPath(hand, layers, "here"), "EACCES bad-redirect l1/.");
  CHECK_EQ(LookupPath(hand, layers, "top"), "EACCES bad-redirect l1/..");
  CHECK_EQ(LookupPath(hand, layers, "inside"), "EACCES bad-redirect l1/a/..");
  CHECK_EQ(LookupPath(hand, layers, "missing"), "dirs l0/missing");
}

TEST(MetacopyTakesItsDataFromBelow) {
  HandLayers hand(4, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.Metacopy(hand.lower(0), "f", 4);
  hand.lower(2).File("f", "data");
  hand.lower(3).File("f", "deep");
  // A chain, with a redirect of each kind.
  hand.Metacopy(hand.lower(0), "a/chain", 4, "next");
  hand.Metacopy(hand.lower(1), "a/next", 4, "/b/last");
  hand.Metacopy(hand.lower(2), "b/last", 4);
  hand.lower(3).File("b/last", "data");
  hand.lower(3).File("a/chain", "xxxx");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "f"), "file l0/f, data l2/f");
  CHECK_EQ(LookupPath(hand, layers, "a/chain"), "file l0/a/chain, data l3/b/last");
}

TEST(MetacopyWithoutData) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  for (const char* name : {"none", "whiteout", "dir", "symlink", "endless"}) {
    hand.Metacopy(hand.lower(0), name, 4);
    if (std::string(name) != "none") hand.lower(2).File(name, "data");
  }
  hand.lower(1).Whiteout("whiteout");
  hand.lower(1).Dir("dir");
  hand.lower(1).Symlink("symlink", "none");
  hand.lower(2).Remove("endless");
  hand.Metacopy(hand.lower(2), "endless", 4);
  const Layers layers = hand.Open();
  for (const char* name : {"none", "whiteout", "dir", "symlink", "endless"}) {
    const std::string where = "l0/" + std::string(name);
    CHECK_EQ(LookupPath(hand, layers, name), "EIO metacopy-without-data " + where);
  }
}

TEST(MetacopyWithARedirectThroughAFileHasNoData) {
  HandLayers hand(3, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.Metacopy(hand.lower(0), "f", 4, "/file/x");
  hand.lower(1).File("file", "data");
  hand.lower(2).File("file/x", "data");
  CHECK_EQ(LookupPath(hand, hand.Open(), "f"), "EIO metacopy-without-data l0/f");
}

TEST(InADataLayerNothingIsAMark) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.Metacopy(hand.lower(0), "whiteout", 4, "/whiteout");
  hand.XattrWhiteout(hand.lower(1), "whiteout");
  hand.Metacopy(hand.lower(0), "bad", 4, "/bad");
  hand.lower(1).File("bad", "data");
  hand.Mark(hand.lower(1), "bad", "metacopy", "y");
  hand.Metacopy(hand.lower(0), "up", 4, "/d/../bad");
  hand.lower(1).Dir("d");
  hand.Metacopy(hand.lower(0), "out", 4, "/../bad");
  hand.Metacopy(hand.lower(0), "link", 4, "/link/bad");
  hand.lower(1).Symlink("link", ".");
  const Layers layers = hand.Open(1);
  CHECK_EQ(LookupPath(hand, layers, "whiteout"), "file l0/whiteout, data l1/whiteout");
  CHECK_EQ(LookupPath(hand, layers, "bad"), "file l0/bad, data l1/bad");
  CHECK_EQ(LookupPath(hand, layers, "up"), "file l0/up, data l1/bad");
  CHECK_EQ(LookupPath(hand, layers, "out"), "file l0/out, data nowhere");
  CHECK_EQ(LookupPath(hand, layers, "link"), "file l0/link, data nowhere");
}

TEST(MetacopyReachesDataLayersByAbsoluteRedirectsOnly) {
  HandLayers hand(4, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.Metacopy(hand.lower(0), "absolute", 4, "/objects/blob");
  hand.Metacopy(hand.lower(0), "second", 4, "/objects/other");
  hand.Metacopy(hand.lower(0), "missing", 4, "/objects/gone");
  hand.Metacopy(hand.lower(0), "relative", 4, "blob");
  hand.Metacopy(hand.lower(0), "same-name", 4);
  hand.Metacopy(hand.lower(0), "ordinary-first", 4, "/ordinary");
  hand.lower(1).File("ordinary", "data");
  hand.lower(2).File("ordinary", "hide");
  hand.lower(2).File("objects/blob", "data");
  hand.lower(2).File("blob", "data");
  hand.lower(2).File("same-name", "data");
  hand.lower(3).File("objects/blob", "deep");
  hand.lower(3).File("objects/other", "data");
  hand.lower(0).Dir("d");
  hand.lower(2).File("d/f", "data");
  const Layers layers = hand.Open(2);
  CHECK_EQ(LookupPath(hand, layers, "absolute"), "file l0/absolute, data l2/objects/blob");
  // There the kernel looks when the file is opened, and not before.
  CHECK_EQ(LookupPath(hand, layers, "missing"), "file l0/missing, data nowhere");
  CHECK_EQ(LookupPath(hand, layers, "second"), "file l0/second, data l3/objects/other");
  CHECK_EQ(LookupPath(hand, layers, "relative"), "EIO metacopy-without-data l0/relative");
  CHECK_EQ(LookupPath(hand, layers, "same-name"), "EIO metacopy-without-data l0/same-name");
  CHECK_EQ(LookupPath(hand, layers, "ordinary-first"), "file l0/ordinary-first, data l1/ordinary");
  // They are no part of the tree.
  CHECK_EQ(LookupPath(hand, layers, "objects"), "nothing");
  CHECK_EQ(LookupPath(hand, layers, "d"), "dirs l0/d");
  CHECK_EQ(LookupPath(hand, layers, "d/f"), "nothing");
}

TEST(RedirectOfAnOrdinaryFileIsStale) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).File("f", "x");
  hand.Redirect(hand.lower(0), "f", "g");
  hand.lower(1).File("g", "y");
  CHECK_EQ(LookupPath(hand, hand.Open(), "f"), "file l0/f");
}

TEST(TrustedLookupIgnoresUserMarks) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("d");
  hand.lower(1).Dir("d");
  hand.lower(0).Xattr("d", "user.overlay.opaque", "y");
  hand.lower(0).Xattr("d", "user.overlay.redirect", "old");
  hand.lower(0).File("f");
  hand.lower(0).Xattr("f", "user.overlay.whiteout", "y");
  hand.XattrWhiteout(hand.lower(0), "gone");
  hand.lower(1).File("gone");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "d"), "dirs l0/d l1/d");
  CHECK_EQ(LookupPath(hand, layers, "f"), "file l0/f");
  CHECK_EQ(LookupPath(hand, layers, "gone"), "nothing");
}

TEST(OtherDevicesAreNoWhiteouts) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).Device("chr", S_IFCHR, 0, 1);
  hand.lower(0).Device("blk", S_IFBLK, 0, 0);
  hand.lower(1).File("chr");
  hand.lower(1).File("blk");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "chr"), "file l0/chr");
  CHECK_EQ(LookupPath(hand, layers, "blk"), "file l0/blk");
}
