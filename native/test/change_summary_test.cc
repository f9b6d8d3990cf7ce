// Totals by directory, in as many pieces as the sink wants.
#include "core/change_summary.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/check.h"
#include "test/hand_layers.h"

using ovl::ChangeSummary;
using ovl::ChangeTotals;
using ovl::ChangeWalk;
using ovl::SideReader;

namespace {

using Lines = std::vector<std::string>;

// "d 1 0 0 +5 -0 ~0"
class TotalLines final : public ovl::TotalsSink {
 public:
  explicit TotalLines(size_t capacity) : capacity_(capacity) {}
  void Add(std::string_view path, const ChangeTotals& totals) override {
    const auto text = [](double number) { return std::to_string(static_cast<int64_t>(number)); };
    lines.push_back(std::string(path) + " " + text(totals.added) + " " + text(totals.modified) +
                    " " + text(totals.deleted) + " +" + text(totals.added_bytes) + " -" +
                    text(totals.freed_bytes) + " ~" + text(totals.changed_bytes));
    ++batch_;
  }
  bool Full() const override { return batch_ >= capacity_; }
  void Empty() { batch_ = 0; }
  Lines lines;

 private:
  size_t capacity_;
  size_t batch_ = 0;
};

Lines Summarize(HandLayers& hand, size_t depth, size_t capacity) {
  const ovl::Layers layers = hand.Open();
  auto own = layers.ReopenApart();
  auto walk = ChangeWalk::Open(layers, {.expand = true});
  CHECK(own.ok() && walk.ok());
  SideReader sides(std::move(own.value()));
  ChangeSummary summary(depth);
  TotalLines sink(capacity);
  const ovl::CancelFlag never{false};
  for (bool goes_on = true; goes_on;) {
    sink.Empty();
    const ovl::WorkSlice slice(never, std::chrono::hours(1));
    auto more = summary.Next(*walk.value(), sides, slice, sink);
    if (!more.ok()) sink.lines.push_back(ShowFailure(hand, more.failure()));
    goes_on = more.ok() && more.value();
  }
  sink.lines.push_back(std::to_string(summary.found()));
  return sink.lines;
}

}  // namespace

TEST(ChangeSummaryByDirectory) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  hand.lower(0).File("a/changed", "12345");
  hand.upper().File("a/changed", "12");
  hand.upper().File("a/in/added", "123");
  hand.upper().HardLink("b", "a/in/added");
  hand.lower(0).File("gone/in/f", "1234567");
  hand.upper().Whiteout("gone");
  const std::string total = ". 3 1 3 +3 -10 ~2";
  CHECK_EQ(Summarize(hand, 0, 1), (Lines{total, "7"}));
  const Lines all{"a/in 2 0 0 +3 -0 ~0",
                  "a 2 1 0 +3 -3 ~2",
                  "gone/in 0 0 2 +0 -7 ~0",
                  "gone 0 0 3 +0 -7 ~0",
                  total,
                  "7"};
  for (const size_t capacity : {1, 2, 100}) CHECK_EQ(Summarize(hand, 2, capacity), all);
}

TEST(ChangeSummaryTellsAFailureAfterWhatIsComplete) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  hand.upper().File("a/f", "1");
  hand.upper().File("b/f", "1");
  hand.upper().Dir("c");
  hand.Redirect(hand.upper(), "c", "//");
  const Lines lines = Summarize(hand, 1, 100);
  CHECK_EQ(lines.front(), "a 2 0 0 +1 -0 ~0");
  CHECK_EQ(lines.size(), 3);
  CHECK_EQ(lines.back(), "4");
}
