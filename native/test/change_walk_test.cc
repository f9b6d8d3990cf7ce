// What an upper changes: kinds, order and the two stacks of lowers.
#include "core/change_walk.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

#include "test/check.h"
#include "test/hand_layers.h"

using ovl::ChangeOptions;
using ovl::MarkerSpace;

namespace {

using Lines = std::vector<std::string>;

ChangeOptions Expanding() { return {ovl::ContentMode::kAuto, 0, true}; }

ChangeOptions Ignoring(ovl::Aspects aspects) { return {ovl::ContentMode::kAuto, aspects, false}; }

Lines Changes(HandLayers& hand, ChangeOptions options = {}) {
  return ListChanges(hand, hand.Open(), options);
}

}  // namespace

TEST(ChangesOfAnEmptyUpper) {
  HandLayers hand(2);
  hand.lower(0).File("a/f");
  hand.lower(1).Dir("b");
  CHECK_EQ(Changes(hand), Lines{});
}

TEST(ChangesOfEachKind) {
  HandLayers hand(1);
  hand.lower(0).File("kept", "x");
  hand.lower(0).File("changed", "old");
  hand.lower(0).File("removed");
  hand.lower(0).File("d/removed");
  hand.lower(0).Whiteout("whiteout-in-the-lower");
  hand.upper().File("added");
  hand.upper().File("changed", "new");
  hand.upper().Whiteout("removed");
  hand.upper().Whiteout("d/removed");
  hand.upper().Whiteout("was-never-there");
  hand.upper().Whiteout("whiteout-in-the-lower");
  hand.upper().Symlink("e/link", "f");
  hand.upper().Fifo("e/fifo");
  CHECK_EQ(Changes(hand), Lines{"A file added", "M file changed content", "D file d/removed",
                                "A dir e", "A fifo e/fifo", "A symlink e/link", "D file removed"});
}

TEST(ChangesAreInOrderOfComponents) {
  HandLayers hand(1);
  for (const char* name : {"a/b", "a.b", "a-b", "ab/c", "A", "z", "\x80x", "\xff", "\xc3\xa9"}) {
    hand.upper().File(name);
  }
  CHECK_EQ(Changes(hand),
           Lines{"A file A", "A dir a", "A file a/b", "A file a-b", "A file a.b", "A dir ab",
                 "A file ab/c", "A file z", "A file \x80x", "A file \xc3\xa9", "A file \xff"});
}

TEST(ChangesOfTheRoot) {
  HandLayers hand(1);
  hand.upper().Mode("", 0700);
  CHECK_EQ(Changes(hand), Lines{"M dir . mode"});
  CHECK_EQ(Changes(hand, Ignoring(ovl::kAspectMode)), Lines{});
  hand.upper().Mode("", 0755);
  if (!hand.Usable()) return;
  hand.lower(0).File("f");
  hand.Opaque(hand.upper(), "");
  hand.Mark(hand.upper(), "", "origin", "");
  CHECK_EQ(Changes(hand), Lines{});
  hand.upper().Xattr("", "user.x", "1");
  CHECK_EQ(Changes(hand), Lines{"M dir . xattrs"});
}

TEST(CopyUpsWithoutAChangeAreNone) {
  HandLayers hand(2);
  for (Tree* tree : {&hand.lower(1), &hand.upper()}) {
    tree->File("f", "content");
    tree->Symlink("s", "target");
    tree->Fifo("p");
    tree->File("empty");
    tree->File("d/f", "x");
  }
  if (WhyNoUserXattrs(hand.upper().Path("")).empty()) {
    hand.Mark(hand.upper(), "f", "origin", "handle");
    hand.Mark(hand.upper(), "d", "impure", "y");
    hand.upper().Xattr("f", "user.same", "1");
    hand.lower(1).Xattr("f", "user.same", "1");
  }
  hand.upper().Time("d", 5);  // times of directories do not count
  CHECK_EQ(Changes(hand), Lines{});
}

TEST(ChangesOfEachAspect) {
  HandLayers hand(1);
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) {
    for (const char* name : {"content", "size", "mode", "times", "nanoseconds", "two"}) {
      tree->File(name, "same");
    }
    tree->Dir("dir");
  }
  hand.upper().File("content", "diff");
  hand.upper().File("size", "longer");
  hand.upper().Mode("mode", 04755);
  hand.upper().Time("times", Tree::kTime + 1);
  hand.upper().Time("nanoseconds", Tree::kTime, 1000);
  hand.upper().File("two", "");
  hand.upper().Mode("two", 0600);
  hand.upper().Mode("dir", 01777);
  hand.lower(0).Symlink("target", "a");
  hand.upper().Symlink("target", "b");
  CHECK_EQ(Changes(hand),
           Lines{"M file content content", "M dir dir mode", "M file mode mode",
                 "M file nanoseconds times", "M file size content", "M symlink target target",
                 "M file times times", "M file two content mode"});
  CHECK_EQ(
      Changes(hand, Ignoring(ovl::kAspectTimes | ovl::kAspectContent)),
      Lines{"M dir dir mode", "M file mode mode", "M symlink target target", "M file two mode"});
  CHECK_EQ(Changes(hand, Ignoring(UINT16_MAX)), Lines{});
}

TEST(ChangesOfXattrs) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) {
    for (const char* name :
         {"added", "removed", "value", "length", "renamed", "escaped", "marks"}) {
      tree->File(name);
    }
  }
  hand.upper().Xattr("added", "user.a", "");
  hand.lower(0).Xattr("removed", "user.a", "");
  hand.lower(0).Xattr("value", "user.a", "1");
  hand.upper().Xattr("value", "user.a", "2");
  hand.lower(0).Xattr("length", "user.a", "1");
  hand.upper().Xattr("length", "user.a", std::string("1\0", 2));
  hand.lower(0).Xattr("renamed", "user.a", "1");
  hand.upper().Xattr("renamed", "user.b", "1");
  hand.upper().Xattr("escaped", "user.overlay.overlay.opaque", "y");  // set through the mount
  hand.upper().Xattr("marks", "user.overlay.origin", "y");
  CHECK_EQ(Changes(hand),
           Lines{"M file added xattrs", "M file escaped xattrs", "M file length xattrs",
                 "M file removed xattrs", "M file renamed xattrs", "M file value xattrs"});
}

TEST(ChangesOfOwnersAndDevices) {
  HandLayers hand(1, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) {
    tree->File("uid");
    tree->File("gid");
    tree->Device("same", S_IFCHR, 1, 3);
  }
  CHECK(::lchown(hand.upper().Path("uid").c_str(), 5, 0) == 0);
  CHECK(::lchown(hand.upper().Path("gid").c_str(), 0, 5) == 0);
  CHECK(::lchown(hand.upper().Path("").c_str(), 0, 7) == 0);
  hand.lower(0).Device("device", S_IFCHR, 1, 3);
  hand.upper().Device("device", S_IFCHR, 1, 5);
  hand.lower(0).Device("kind", S_IFCHR, 1, 3);
  hand.upper().Device("kind", S_IFBLK, 1, 3);
  CHECK_EQ(Changes(hand), Lines{"M dir . owner", "M chr device device", "M file gid owner",
                                "M blk kind was chr type", "M file uid owner"});
}

TEST(ChangesOfTheOwnerOfAUserRootAreNotSaid) {
  HandLayers hand(1);
  if (::geteuid() != 0) return check::Skip("only root can give a directory to somebody else");
  CHECK(::lchown(hand.upper().Path("").c_str(), 5, 7) == 0);
  CHECK_EQ(Changes(hand), Lines{});
}

TEST(ChangesOfRemovedDirectories) {
  HandLayers hand(2);
  hand.lower(0).File("d/in-top");
  hand.lower(1).File("d/sub/in-bottom");
  hand.lower(1).File("d/hidden");
  hand.lower(0).Whiteout("d/hidden");
  hand.upper().Whiteout("d");
  CHECK_EQ(Changes(hand), Lines{"D dir d"});
  CHECK_EQ(Changes(hand, Expanding()),
           Lines{"D dir d", "D file d/in-top", "D dir d/sub", "D file d/sub/in-bottom"});
}

TEST(ChangesOfType) {
  HandLayers hand(1);
  hand.lower(0).File("dir-to-file/f");
  hand.lower(0).File("dir-to-file/g/h");
  hand.upper().File("dir-to-file");
  hand.lower(0).File("file-to-dir");
  hand.upper().File("file-to-dir/f");
  hand.lower(0).File("file-to-link");
  hand.upper().Symlink("file-to-link", "x");
  const Lines after = {"M dir file-to-dir was file type", "A file file-to-dir/f",
                       "M symlink file-to-link was file type"};
  Lines plain = {"M file dir-to-file was dir type"};
  Lines expanded = {"M file dir-to-file was dir type", "D file dir-to-file/f",
                    "D dir dir-to-file/g", "D file dir-to-file/g/h"};
  plain.insert(plain.end(), after.begin(), after.end());
  expanded.insert(expanded.end(), after.begin(), after.end());
  CHECK_EQ(Changes(hand), plain);
  CHECK_EQ(Changes(hand, Expanding()), expanded);
}

TEST(ChangesOfOpaqueDirectories) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  hand.lower(0).File("d/both", "x");
  hand.lower(0).File("d/changed", "old");
  hand.lower(0).File("d/gone");
  hand.lower(1).File("d/gone-below");
  hand.lower(1).File("d/gone-tree/f");
  hand.lower(1).File("d/sub/gone");
  hand.lower(1).File("d/sub/kept", "x");
  hand.lower(1).File("d/covered");
  hand.upper().File("d/both", "x");
  hand.upper().File("d/changed", "new");
  hand.upper().File("d/added");
  hand.upper().File("d/sub/kept", "x");
  hand.upper().Whiteout("d/covered");
  hand.upper().Whiteout("d/whiteout-of-nothing");
  hand.Opaque(hand.upper(), "d");
  hand.upper().File("fresh/f");
  hand.Opaque(hand.upper(), "fresh");
  CHECK_EQ(Changes(hand), Lines{"A file d/added", "M file d/changed content", "D file d/covered",
                                "D file d/gone", "D file d/gone-below", "D dir d/gone-tree",
                                "D file d/sub/gone", "A dir fresh", "A file fresh/f"});
  const Lines expanded = Changes(hand, Expanding());
  CHECK_EQ(expanded.size(), 10);
  CHECK(expanded.size() > 6 && expanded[6] == "D file d/gone-tree/f");
}

TEST(ChangesBelowLayersThatHideEachOther) {
  HandLayers hand(3);
  if (!hand.Usable()) return;
  // A middle layer has removed what a lower one has: to the base it was never there.
  hand.lower(0).Whiteout("d");
  hand.lower(1).File("d/f");
  hand.upper().File("d/g");
  hand.lower(0).Dir("o");
  hand.Opaque(hand.lower(0), "o");
  hand.lower(1).File("o/hidden");
  hand.upper().Whiteout("o/hidden");
  hand.lower(0).File("cut");
  hand.lower(1).File("cut/f");
  hand.upper().File("cut/f");
  hand.lower(1).File("deep/er/f", "x");
  hand.lower(2).File("deep/er/f", "y");
  hand.upper().File("deep/er/f", "x");
  hand.lower(2).File("deep/er/g", "y");
  hand.upper().File("deep/er/g", "z");
  CHECK_EQ(Changes(hand), Lines{"M dir cut was file type", "A file cut/f", "A dir d", "A file d/g",
                                "M file deep/er/g content"});
}

TEST(ChangesAfterWhiteoutsByAttribute) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  hand.lower(0).File("f");
  hand.XattrWhiteout(hand.upper(), "f");
  hand.XattrWhiteout(hand.upper(), "none");
  CHECK_EQ(Changes(hand), Lines{"D file f"});
}

TEST(ChangesOfARenamedDirectory) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).File("old/a", "x");
  hand.lower(1).File("old/b", "x");
  hand.lower(1).File("old/c/d", "x");
  hand.upper().Whiteout("old");
  hand.upper().File("new/a", "y");
  hand.upper().Whiteout("new/b");
  hand.Redirect(hand.upper(), "new", "old");
  CHECK_EQ(Changes(hand),
           Lines{"A dir new", "A file new/a", "A dir new/c", "A file new/c/d", "D dir old"});
}

TEST(ChangesOfADirectoryRenamedOverAnother) {
  HandLayers hand(1, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).File("old/same", "x");
  hand.lower(0).File("old/differs", "from old");
  hand.lower(0).File("p/place/same", "x");
  hand.lower(0).File("p/place/differs", "from place");
  hand.lower(0).File("p/place/only-here", "");
  hand.upper().Whiteout("old");
  hand.upper().Dir("p/place");
  hand.Redirect(hand.upper(), "p/place", "/old");
  CHECK_EQ(Changes(hand),
           Lines{"D dir old", "M file p/place/differs content", "D file p/place/only-here"});
}

TEST(ChangesOfMetacopies) {
  HandLayers hand(2, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).File("mode", "data");
  hand.Metacopy(hand.upper(), "mode", 4);
  hand.upper().Mode("mode", 0600);
  hand.lower(1).File("same", "data");
  hand.Metacopy(hand.upper(), "same", 4);
  // Renamed onto another name: its data is that of the other file.
  hand.lower(0).File("moved", "data");
  hand.lower(1).File("target", "DATA");
  hand.Metacopy(hand.upper(), "target", 4, "moved");
  hand.upper().Whiteout("moved");
  CHECK_EQ(Changes(hand), Lines{"M file mode mode", "D file moved", "M file target content"});
  hand.Metacopy(hand.upper(), "zeros", 4, "/gone");
  CHECK_EQ(Changes(hand).back(), "EIO metacopy-without-data u/zeros");
}

TEST(ChangesOfAMetacopyMarkOnWhatIsNoFile) {
  HandLayers hand(1, MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.upper().Symlink("link", "x");
  hand.Mark(hand.upper(), "link", "metacopy", "y");
  CHECK_EQ(Changes(hand), Lines{"A symlink link"});
}

TEST(ChangesFailOnMarksThatHaveNoMeaningHere) {
  for (const char* mark : {"redirect", "metacopy"}) {
    HandLayers hand(1);
    if (!hand.Usable()) return;
    const bool directory = std::string_view(mark) == "redirect";
    if (directory) hand.upper().Dir("x");
    if (!directory) hand.upper().File("x", "data");
    hand.Mark(hand.upper(), "x", mark, directory ? "y" : "");
    const Lines lines = Changes(hand);
    const std::string reason = "ENOTSUP user-" + std::string(mark);
    if (CHECK(!lines.empty())) CHECK_EQ(lines.back(), reason + " u/x");
  }
}
