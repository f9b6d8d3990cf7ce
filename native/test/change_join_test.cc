// Directories of far more names than the lowers have there: these are listed instead of being asked
// for each name.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "test/check.h"
#include "test/child.h"
#include "test/hand_layers.h"

namespace {

constexpr int kNew = 1200;

std::string New(int i) { return "new-" + std::to_string(1000 + i); }

// Those of the many new files come to a number.
std::vector<std::string> Told(const std::vector<std::string>& lines) {
  std::vector<std::string> told;
  int added = 0;
  for (const std::string& line : lines) {
    if (line.starts_with("A file d/new-") && line != "A file d/new-directory/file") {
      ++added;
    } else {
      told.push_back(line);
    }
  }
  std::sort(told.begin(), told.end());
  told.push_back(std::to_string(added));
  return told;
}

// Everything that a name may be in the upper of a directory with many, and in the lowers.
void MakeDense(HandLayers& hand, std::vector<std::string>& expected) {
  for (int i = 0; i < kNew; ++i) {
    hand.upper().File("d/" + New(i));
    if (i % 200 != 0) expected.push_back("A file d/" + New(i));
  }
  // Each of these has something below: in the top-most lower, in the one below it, in both.
  hand.lower(0).File("d/" + New(0), "x");
  expected.push_back("M file d/" + New(0) + " content");
  hand.lower(1).File("d/" + New(200), "x");
  expected.push_back("M file d/" + New(200) + " content");
  hand.lower(0).Dir("d/" + New(400));
  hand.lower(1).File("d/" + New(400) + "/below");
  expected.push_back("M file d/" + New(400) + " was dir type");
  // What is removed below is not there.
  hand.lower(0).Whiteout("d/" + New(600));
  hand.lower(1).File("d/" + New(600));
  expected.push_back("A file d/" + New(600));
  hand.lower(0).File("d/" + New(800));
  hand.lower(1).File("d/" + New(1000));
  hand.lower(1).File("d/gone");
  hand.upper().Whiteout("d/gone");
  expected.push_back("D file d/gone");
  hand.upper().Whiteout("d/never-there");
  hand.lower(1).File("d/untouched");
  hand.lower(0).Dir("d/merged");
  hand.lower(1).File("d/merged/file", "x");
  hand.upper().File("d/merged/file");
  expected.push_back("M file d/merged/file content");
  hand.upper().Dir("d/new-directory");
  hand.upper().File("d/new-directory/file");
  expected.insert(expected.end(), {"A dir d/new-directory", "A file d/new-directory/file"});
}

}  // namespace

TEST(ChangesOfADenseDirectory) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  std::vector<std::string> expected;
  MakeDense(hand, expected);
  const ovl::Layers layers = hand.Open();
  CHECK_EQ(Told(ListChanges(hand, layers)), Told(expected));
  // Too many names below, which the size of their directory does not tell: they are short.
  for (int i = 0; i < kNew * 6 / 10; ++i) hand.lower(0).File("d/" + std::to_string(i));
  CHECK_EQ(Told(ListChanges(hand, hand.Open())), Told(expected));
}

// To look up names takes less than to list them.
TEST(ChangesOfADenseDirectoryOverOneThatMayNotBeListed) {
  if (::geteuid() != 0) return check::Skip("no other user can be had [root only]");
  HandLayers hand(1);
  for (int i = 0; i < kNew; ++i) hand.upper().File("d/" + New(i));
  hand.lower(0).File("d/" + New(7), "x");
  hand.lower(0).Mode("d", 0711);
  CHECK(::chmod(hand.lower(0).Path("..").c_str(), 0755) == 0);
  const ovl::Layers layers = hand.Open();
  const Child child([&](const Child& self) {
    if (!BecomeOrdinaryUser()) return;
    std::string all;
    for (const std::string& line : Told(ListChanges(hand, layers))) all += line + ";";
    self.Say(all);
  });
  CHECK_EQ(child.Hear(), "M dir d mode;M file d/new-1007 content;1199;");
}
