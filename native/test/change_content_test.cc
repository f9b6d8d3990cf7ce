// Comparing the content of files of equal size.
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "core/compare.h"
#include "test/check.h"
#include "test/hand_layers.h"

using ovl::ContentComparison;
using ovl::ContentMode;

namespace {

using Lines = std::vector<std::string>;
using State = ContentComparison::State;

ovl::LayerEntry Entry(const ovl::DirPtr& dir, const std::string& name) {
  ovl::LayerEntry entry{dir, name, {}};
  CHECK(::stat(dir->PathOf(name).c_str(), &entry.st) == 0);
  return entry;
}

}  // namespace

TEST(ContentOfLargeFiles) {
  HandLayers hand(1);
  std::string content(3 * 1024 * 1024 + 5, 'x');
  for (size_t i = 0; i < content.size(); i += 4099) content[i] = static_cast<char>(i >> 12);
  for (const char* name : {"same", "first", "last", "border"}) hand.lower(0).File(name, content);
  const auto change = [&](const char* name, size_t at) {
    std::string other = content;
    other[at] ^= 1;
    hand.upper().File(name, other);
  };
  hand.upper().File("same", content);
  change("first", 0);
  change("last", content.size() - 1);
  change("border", 1024 * 1024);
  const ovl::Layers layers = hand.Open();
  CHECK_EQ(ListChanges(hand, layers),
           Lines{"M file border content", "M file first content", "M file last content"});

  // A piece at a time: neither an abort nor an exiting process waits for a whole file.
  for (const bool same : {true, false}) {
    const char* const name = same ? "same" : "last";
    const ovl::LayerEntry before = Entry(layers.lowers[0], name);
    const ovl::LayerEntry after = Entry(layers.upper, name);
    auto comparison = ContentComparison::Open(before, after, false);
    if (!CHECK(comparison.ok())) return;
    ovl::PieceBuffers buffers;
    for (int i = 0; i < 3; ++i) {
      auto state = comparison.value()->Step(before, after, buffers);
      CHECK(state.ok() && state.value() == State::kMore);
    }
    auto state = comparison.value()->Step(before, after, buffers);
    CHECK(state.ok() && state.value() == (same ? State::kSame : State::kDifferent));
  }
}

TEST(ContentOfFilesThatShrinkMeanwhile) {
  HandLayers hand(1);
  const std::string content(2 * 1024 * 1024, 'x');
  hand.lower(0).File("f", content);
  hand.upper().File("f", content);
  const ovl::Layers layers = hand.Open();
  const auto compare = [&](off_t lower_size, off_t upper_size) {
    CHECK(::truncate(hand.lower(0).Path("f").c_str(), static_cast<off_t>(content.size())) == 0);
    CHECK(::truncate(hand.upper().Path("f").c_str(), static_cast<off_t>(content.size())) == 0);
    const ovl::LayerEntry before = Entry(layers.lowers[0], "f");
    const ovl::LayerEntry after = Entry(layers.upper, "f");
    auto comparison = ContentComparison::Open(before, after, false);
    if (!CHECK(comparison.ok())) return State::kMore;
    ovl::PieceBuffers buffers;
    CHECK(::truncate(hand.lower(0).Path("f").c_str(), lower_size) == 0);
    CHECK(::truncate(hand.upper().Path("f").c_str(), upper_size) == 0);
    auto state = comparison.value()->Step(before, after, buffers);
    if (state.ok() && state.value() == State::kMore)
      state = comparison.value()->Step(before, after, buffers);
    return CHECK(state.ok()) ? state.value() : State::kMore;
  };
  CHECK(compare(1000, 1000) == State::kSame);
  CHECK(compare(1000, 999) == State::kDifferent);
  CHECK(compare(0, 1 << 20) == State::kDifferent);
}

TEST(ContentModes) {
  HandLayers hand(1);
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) {
    tree->File("empty");
    tree->File("touched", "same");
    tree->File("sneaky", "same");
    tree->File("size", "same");
  }
  hand.upper().Time("empty", 1);
  hand.upper().Time("touched", 1);
  hand.upper().File("sneaky", "diff");  // at the same time as the lower
  hand.upper().File("size", "longer");
  const ovl::Layers layers = hand.Open();
  const Lines exact = {"M file empty times", "M file size content", "M file sneaky content",
                       "M file touched times"};
  CHECK_EQ(ListChanges(hand, layers, {ContentMode::kAuto, 0, false}), exact);
  CHECK_EQ(ListChanges(hand, layers, {ContentMode::kAlways, 0, false}), exact);
  CHECK_EQ(ListChanges(hand, layers, {ContentMode::kNever, 0, false}),
           Lines{"M file empty times", "M file size content", "M file touched times content?"});
  CHECK_EQ(ListChanges(hand, layers, {ContentMode::kAuto, ovl::kAspectContent, false}),
           Lines{"M file empty times", "M file touched times"});
}

TEST(ContentOfSparseFiles) {
  HandLayers hand(1);
  hand.lower(0).File("hole");
  CHECK(::truncate(hand.lower(0).Path("hole").c_str(), 1 << 20) == 0);
  hand.lower(0).Time("hole", Tree::kTime);
  hand.upper().File("hole", std::string(1 << 20, '\0'));
  CHECK_EQ(ListChanges(hand, hand.Open()), Lines{});
}
