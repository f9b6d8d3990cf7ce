// The merging rules, on layers in the user.* namespace: no privilege is needed for these.
#include "core/stack_lookup.h"

#include <string>

#include "test/check.h"
#include "test/hand_layers.h"

using ovl::Layers;
using ovl::LookupName;

TEST(LookupFindsTheTopMost) {
  HandLayers hand(3);
  hand.lower(0).File("f0");
  hand.lower(1).File("f0");
  hand.lower(1).Symlink("f1", "f0");
  hand.lower(2).File("f1");
  hand.lower(2).Fifo("f2");
  hand.lower(0).File("file-over-dir");
  hand.lower(1).Dir("file-over-dir");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "f0"), "file l0/f0");
  CHECK_EQ(LookupPath(hand, layers, "f1"), "file l1/f1");
  CHECK_EQ(LookupPath(hand, layers, "f2"), "file l2/f2");
  CHECK_EQ(LookupPath(hand, layers, "file-over-dir"), "file l0/file-over-dir");
  CHECK_EQ(LookupPath(hand, layers, "none"), "nothing");
  CHECK_EQ(LookupPath(hand, layers, std::string(300, 'x')), "nothing");
}

TEST(LookupMergesDirectories) {
  HandLayers hand(4);
  for (const size_t i : {0U, 2U, 3U}) hand.lower(i).Dir("d/deep/er");
  hand.lower(3).File("d/deep/f");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "d"), "dirs l0/d l2/d l3/d");
  CHECK_EQ(LookupPath(hand, layers, "d/deep/er"), "dirs l0/d/deep/er l2/d/deep/er l3/d/deep/er");
  CHECK_EQ(LookupPath(hand, layers, "d/deep/f"), "file l3/d/deep/f");
}

TEST(LookupEndsAtAWhiteout) {
  HandLayers hand(3);
  hand.lower(0).Whiteout("f");
  hand.lower(1).File("f");
  hand.lower(0).Dir("d");
  hand.lower(1).Whiteout("d");
  hand.lower(2).Dir("d");
  hand.lower(0).Whiteout("odd-mode");
  hand.lower(0).Mode("odd-mode", 0644);
  hand.lower(1).File("odd-mode");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "f"), "nothing");
  CHECK_EQ(LookupPath(hand, layers, "d"), "dirs l0/d");
  CHECK_EQ(LookupPath(hand, layers, "odd-mode"), "nothing");
}

TEST(LookupEndsAtAWhiteoutByAttribute) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  hand.XattrWhiteout(hand.lower(0), "f");
  hand.lower(1).File("f");
  hand.XattrWhiteout(hand.lower(0), "d");
  hand.lower(1).Dir("d");
  hand.lower(0).File("with-data", "x");
  hand.Mark(hand.lower(0), "with-data", "whiteout", "y");
  hand.lower(0).File("empty");
  hand.Mark(hand.lower(0), "empty", "opaque", "y");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "f"), "nothing");
  CHECK_EQ(LookupPath(hand, layers, "d"), "nothing");
  CHECK_EQ(LookupPath(hand, layers, "with-data"), "file l0/with-data");
  CHECK_EQ(LookupPath(hand, layers, "empty"), "file l0/empty");
}

TEST(LookupEndsAtAFileBelowADirectory) {
  HandLayers hand(3);
  hand.lower(0).Dir("d");
  hand.lower(1).File("d");
  hand.lower(2).Dir("d");
  hand.lower(0).Dir("s");
  hand.lower(1).Symlink("s", "d");
  hand.lower(2).Dir("s");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "d"), "dirs l0/d");
  CHECK_EQ(LookupPath(hand, layers, "s"), "dirs l0/s");
}

TEST(LookupEndsBelowAnOpaqueDirectory) {
  HandLayers hand(3);
  if (!hand.Usable()) return;
  for (size_t i = 0; i < 3; ++i) {
    hand.lower(i).Dir("top");
    hand.lower(i).Dir("middle");
    hand.lower(i).Dir("bottom");
    hand.lower(i).Dir("outer/inner");
  }
  hand.lower(1).File("top/f");
  hand.Opaque(hand.lower(0), "top");
  hand.Opaque(hand.lower(1), "middle");
  hand.Opaque(hand.lower(2), "bottom");
  hand.Opaque(hand.lower(0), "outer");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "top"), "dirs l0/top");
  CHECK_EQ(LookupPath(hand, layers, "top/f"), "nothing");
  CHECK_EQ(LookupPath(hand, layers, "middle"), "dirs l0/middle l1/middle");
  CHECK_EQ(LookupPath(hand, layers, "bottom"), "dirs l0/bottom l1/bottom l2/bottom");
  CHECK_EQ(LookupPath(hand, layers, "outer/inner"), "dirs l0/outer/inner");
}

TEST(LookupTakesOnlyTheLetterYForOpaque) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  const std::pair<const char*, const char*> marks[] = {
      {"x", "x"}, {"n", "n"}, {"empty", ""}, {"twice", "yy"}, {"upper", "Y"}};
  for (const auto& [name, value] : marks) {
    hand.lower(0).Dir(name);
    hand.lower(1).Dir(name);
    hand.Mark(hand.lower(0), name, "opaque", value);
  }
  const Layers layers = hand.Open();
  for (const auto& [name, value] : marks) {
    const std::string both = std::string("dirs l0/") + name + " l1/" + name;
    CHECK_EQ(LookupPath(hand, layers, name), both);
  }
}

TEST(LookupIgnoresOpaqueOnTheRootOfALayer) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  hand.Opaque(hand.lower(0), "");
  hand.lower(0).Dir("d");
  hand.lower(1).Dir("d");
  hand.lower(1).File("f");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "d"), "dirs l0/d l1/d");
  CHECK_EQ(LookupPath(hand, layers, "f"), "file l1/f");
  ovl::XattrList xattrs;
  auto marks = ovl::ReadDirectoryMarks(layers, {layers.lowers[0], "", {}}, xattrs);
  CHECK(marks.ok() && !marks.value().opaque);
}

TEST(LookupHidesNothingWithMarksOfOtherKinds) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("d");
  hand.lower(1).Dir("d");
  for (const char* mark : {"origin", "impure", "uuid", "overlay.opaque"}) {
    hand.Mark(hand.lower(0), "d", mark, "y");
  }
  CHECK_EQ(LookupPath(hand, hand.Open(), "d"), "dirs l0/d l1/d");
}

TEST(LookupRefusesMarksThatUserxattrMountsCannotHave) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  hand.lower(0).Dir("renamed");
  hand.Redirect(hand.lower(0), "renamed", "old");
  hand.Metacopy(hand.lower(0), "meta", 5);
  hand.lower(0).Dir("opaque");
  hand.Opaque(hand.lower(0), "opaque");
  hand.Redirect(hand.lower(0), "opaque", "old");
  hand.lower(0).File("stale", "x");
  hand.Redirect(hand.lower(0), "stale", "old");
  const Layers layers = hand.Open();
  CHECK_EQ(LookupPath(hand, layers, "renamed"), "ENOTSUP user-redirect l0/renamed");
  CHECK_EQ(LookupPath(hand, layers, "meta"), "ENOTSUP user-metacopy l0/meta");
  CHECK_EQ(LookupPath(hand, layers, "opaque"), "dirs l0/opaque");
  CHECK_EQ(LookupPath(hand, layers, "stale"), "file l0/stale");
}

TEST(LookupEntersKnowingWhatIsAbove) {
  HandLayers hand(2);
  hand.lower(0).File("f");
  hand.lower(1).Dir("f");
  hand.lower(0).Dir("d");
  hand.lower(1).File("d");
  hand.lower(0).Symlink("s", "d");
  hand.lower(1).File("s");
  const Layers layers = hand.Open();
  const auto look = [&](const char* name, bool directory, bool metacopy) {
    return ShowFound(hand, LookupName(layers, layers.lowers, {name, directory, metacopy}));
  };
  CHECK_EQ(look("f", true, false), "nothing");
  CHECK_EQ(look("d", true, false), "dirs l0/d");
  CHECK_EQ(look("f", false, true), "file l0/f");
  CHECK_EQ(look("d", false, true), "nothing");
  CHECK_EQ(look("s", false, true), "nothing");
}

TEST(LookupOfAnEmptyStackIsNothing) {
  HandLayers hand(1);
  hand.lower(0).File("f");
  const Layers layers = hand.Open();
  CHECK_EQ(ShowFound(hand, LookupName(layers, {}, {"f", false, false})), "nothing");
}
