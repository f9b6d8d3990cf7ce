// Hard links: whether the names of a file are still those of one file.
#include <string>

#include "test/check.h"
#include "test/hand_layers.h"

namespace {

using Lines = std::vector<std::string>;

ovl::ChangeOptions IgnoringLinks() { return {ovl::ContentMode::kAuto, ovl::kAspectLinks, false}; }

Lines Changes(HandLayers& hand, ovl::ChangeOptions options = {}) {
  return ListChanges(hand, hand.Open(), options);
}

// `names` of one file.
void Group(Tree& tree, const Lines& names) {
  tree.File(names[0], "x");
  for (size_t i = 1; i < names.size(); ++i) tree.HardLink(names[i], names[0]);
}

}  // namespace

TEST(LinksOfACopyUpAreBroken) {
  HandLayers hand(1);
  Group(hand.lower(0), {"a", "b"});
  hand.upper().File("a", "x");
  CHECK_EQ(Changes(hand), Lines{"M file a links"});
  CHECK_EQ(Changes(hand, IgnoringLinks()), Lines{});
}

TEST(LinksKeptTogetherAreNoChange) {
  HandLayers hand(1);
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) {
    Group(*tree, {"a", "d/b", "d/e/c"});
    Group(*tree, {"other", "d/other"});
    Group(*tree, {"left-alone", "d/left-alone"});
  }
  hand.upper().Remove("left-alone");
  hand.upper().Remove("d/left-alone");
  CHECK_EQ(Changes(hand), Lines{});
}

TEST(LinksThatWereAdded) {
  HandLayers hand(1);
  Group(hand.lower(0), {"a", "b"});
  hand.lower(0).File("single", "x");
  Group(hand.upper(), {"a", "b", "new"});
  Group(hand.upper(), {"single", "single-new"});
  CHECK_EQ(Changes(hand), Lines{"M file a links", "M file b links", "A file new",
                                "M file single links", "A file single-new"});
  CHECK_EQ(Changes(hand, IgnoringLinks()), Lines{"A file new", "A file single-new"});
}

TEST(LinksThatWereRemoved) {
  HandLayers hand(1);
  Group(hand.lower(0), {"a", "b", "c"});
  Group(hand.upper(), {"a", "c"});
  hand.upper().Whiteout("b");
  CHECK_EQ(Changes(hand), Lines{"M file a links", "D file b", "M file c links"});
}

TEST(LinksBetweenFilesThatWereTwo) {
  HandLayers hand(1);
  hand.lower(0).File("a", "x");
  hand.lower(0).File("b", "x");
  Group(hand.upper(), {"a", "b"});
  Group(hand.lower(0), {"p", "q"});
  Group(hand.lower(0), {"r", "s"});
  Group(hand.upper(), {"p", "r"});
  CHECK_EQ(Changes(hand),
           Lines{"M file a links", "M file b links", "M file p links", "M file r links"});
}

TEST(LinksSplitIntoTwo) {
  HandLayers hand(1);
  Group(hand.lower(0), {"a", "b", "c", "d"});
  Group(hand.upper(), {"a", "b"});
  Group(hand.upper(), {"c", "d"});
  CHECK_EQ(Changes(hand),
           Lines{"M file a links", "M file b links", "M file c links", "M file d links"});
}

TEST(LinksOfNamesOutsideTheLayerDoNotCount) {
  // An index, or another program, may have names of the same file elsewhere.
  HandLayers hand(1);
  hand.lower(0).File("a", "x");
  hand.upper().File("a", "x");
  hand.upper().HardLink("../elsewhere", "a");
  CHECK_EQ(Changes(hand), Lines{});
}

TEST(LinksOfAFileThatTookADirectorysPlace) {
  HandLayers hand(1);
  hand.lower(0).Dir("a");
  hand.lower(0).File("b", "x");
  Group(hand.upper(), {"a", "b"});
  CHECK_EQ(Changes(hand), Lines{"M file a was dir type", "M file b links"});
}

TEST(LinksOfSymbolicLinks) {
  HandLayers hand(1);
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) tree->Symlink("a", "t");
  hand.lower(0).HardLink("b", "a");
  CHECK_EQ(Changes(hand), Lines{"M symlink a links"});
  hand.upper().HardLink("b", "a");
  CHECK_EQ(Changes(hand), Lines{});
}

TEST(LinksInDirectoriesThatMerge) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  Group(hand.lower(1), {"d/a", "d/b"});
  Group(hand.upper(), {"d/a", "d/b"});
  hand.Opaque(hand.upper(), "d");
  CHECK_EQ(Changes(hand), Lines{});
  // Names that were hidden below were not names of the file.
  hand.lower(0).Dir("d");
  hand.Opaque(hand.lower(0), "d");
  CHECK_EQ(Changes(hand), Lines{"A file d/a", "A file d/b"});
}
