#include "core/change_summary.h"

#include <optional>
#include <utility>

namespace ovl {

namespace {

// Of other changes the sides say nothing that counts.
bool HasFile(const Change& change) {
  return change.type == S_IFREG || change.previous_type == S_IFREG;
}

const struct stat* StatOf(const Found& side) {
  return side.kind == Found::Kind::kNothing ? nullptr : &side.top.st;
}

}  // namespace

class ChangeSummary::Adding final : public ChangeSink {
 public:
  Adding(ChangeSummary& summary, SideReader& sides, const WorkSlice& slice, TotalsSink& sink)
      : summary_(summary), sides_(sides), slice_(slice), sink_(sink) {}

  void Add(const Change& change) override {
    ChangeTotals totals;
    if (HasFile(change)) {
      auto both = sides_.Find(change.path);
      if (!both.ok()) {
        failure_ = std::move(both.failure());
        return;
      }
      const Sides& found = *both.value();
      totals = summary_.bytes_.Measure(change, StatOf(found.before), StatOf(found.after));
    } else {
      totals = summary_.bytes_.Measure(change, nullptr, nullptr);
    }
    ++summary_.found_;
    summary_.directories_.Add(change, totals, sink_);
  }
  // The walk looks seldom at the clock, since it does not know that every change is looked up.
  bool Full() const override { return failure_ || sink_.Full() || slice_.Over(); }
  std::optional<Failure>& failure() { return failure_; }

 private:
  ChangeSummary& summary_;
  SideReader& sides_;
  const WorkSlice& slice_;
  TotalsSink& sink_;
  std::optional<Failure> failure_;
};

Result<bool> ChangeSummary::Next(ChangeWalk& walk, SideReader& sides, const WorkSlice& slice,
                                 TotalsSink& sink) {
  Adding adding(*this, sides, slice, sink);
  auto more = walk.Next(slice, adding);
  if (adding.failure()) return std::move(*adding.failure());
  if (more.ok() && !more.value()) directories_.End(sink);
  return more;
}

}  // namespace ovl
