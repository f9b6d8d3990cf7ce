// What stat tells of both sides, path by path.
#include "core/side_facts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "test/check.h"
#include "test/hand_layers.h"

using ovl::SideFacts;
using ovl::SideReader;

namespace {

SideReader ReaderOf(HandLayers& hand) {
  auto own = hand.Open().ReopenApart();
  CHECK(own.ok());
  return SideReader(std::move(own.value()));
}

std::string Show(const SideFacts& facts) {
  if (!facts.there) return "nothing";
  if (S_ISDIR(facts.st.st_mode)) return "dir";
  if (S_ISLNK(facts.st.st_mode)) return "-> " + facts.target;
  return "file " + std::to_string(facts.st.st_size);
}

// "file 3 | nothing": before and after.
std::string Sides(SideReader& reader, std::string_view path) {
  auto both = reader.Read(path);
  if (!both.ok()) return "failure " + std::to_string(both.failure().err);
  return Show(both.value().before) + " | " + Show(both.value().after);
}

}  // namespace

TEST(SideFactsOfEveryKind) {
  HandLayers hand(2);
  if (!hand.Usable()) return;
  hand.lower(1).File("d/modified", "12345");
  hand.upper().File("d/modified", "123");
  hand.upper().File("d/added", "1");
  hand.lower(0).Symlink("d/link", "old");
  hand.upper().Symlink("d/link", "new");
  hand.lower(1).File("gone/deep/f", "1234");
  hand.upper().Whiteout("gone");
  hand.lower(0).File("replaced", "12");
  hand.upper().File("replaced/in", "1");
  hand.lower(0).File("opaque/below", "12");
  hand.upper().File("opaque/above", "1");
  hand.Opaque(hand.upper(), "opaque");
  hand.lower(0).File("meta", "1234567");
  hand.Metacopy(hand.upper(), "meta", 7);
  hand.lower(0).File("old/f", "123");
  hand.upper().Whiteout("old");
  hand.upper().Dir("new");
  hand.Redirect(hand.upper(), "new", "old");
  SideReader reader = ReaderOf(hand);
  CHECK_EQ(Sides(reader, "."), "dir | dir");
  CHECK_EQ(Sides(reader, "d"), "dir | dir");
  CHECK_EQ(Sides(reader, "d/added"), "nothing | file 1");
  CHECK_EQ(Sides(reader, "d/link"), "-> old | -> new");
  CHECK_EQ(Sides(reader, "d/modified"), "file 5 | file 3");
  CHECK_EQ(Sides(reader, "gone"), "dir | nothing");
  CHECK_EQ(Sides(reader, "gone/deep/f"), "file 4 | nothing");
  CHECK_EQ(Sides(reader, "opaque/above"), "nothing | file 1");
  CHECK_EQ(Sides(reader, "opaque/below"), "file 2 | nothing");
  CHECK_EQ(Sides(reader, "replaced"), "file 2 | dir");
  CHECK_EQ(Sides(reader, "replaced/in"), "nothing | file 1");
  CHECK_EQ(Sides(reader, "none/at/all"), "nothing | nothing");
}

TEST(SideFactsInAnyOrder) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  hand.lower(0).File("a/b/f", "1");
  hand.lower(0).File("ab/f", "12");
  hand.upper().File("a/b/g", "123");
  SideReader reader = ReaderOf(hand);
  for (int round = 0; round < 2; ++round) {
    CHECK_EQ(Sides(reader, "ab/f"), "file 2 | file 2");
    CHECK_EQ(Sides(reader, "a/b/g"), "nothing | file 3");
    CHECK_EQ(Sides(reader, "a"), "dir | dir");
    CHECK_EQ(Sides(reader, "a/b/f"), "file 1 | file 1");
  }
}

TEST(SideFactsOfADeepTreeHoldFewDescriptors) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  std::string path;
  for (int level = 0; level < 400; ++level) path += "d/";
  hand.lower(0).File(path + "f", "1");
  hand.upper().File(path + "f", "12");
  hand.upper().File("d/z", "123");
  SideReader reader = ReaderOf(hand);
  CHECK_EQ(Sides(reader, path + "f"), "file 1 | file 2");
  const int next = ::dup(0);
  ::close(next);
  CHECK(next < 128);
  CHECK_EQ(Sides(reader, "d/z"), "nothing | file 3");
  CHECK_EQ(Sides(reader, path + "f"), "file 1 | file 2");
}

TEST(SideFactsOfWhatHasVanished) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  hand.upper().File("d/f", "1");
  hand.upper().File("d/g", "1");
  hand.lower(0).File("d/g", "12");
  SideReader reader = ReaderOf(hand);
  CHECK_EQ(Sides(reader, "d/f"), "nothing | file 1");
  hand.upper().Remove("d");
  CHECK_EQ(Sides(reader, "d/f"), "nothing | nothing");
  CHECK_EQ(Sides(reader, "d/g"), "file 2 | file 2");
}
