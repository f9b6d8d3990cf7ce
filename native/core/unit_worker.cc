#include "core/unit_worker.h"

#include <utility>

namespace ovl {

namespace {

using Verdict = ChangeJudge::Verdict;
using Progress = ChangeUnit::Progress;

// Names of one directory that are a unit: few enough for several threads to share a large one, and
// many enough that sharing costs nothing.
constexpr size_t kNames = 256;

}  // namespace

void UnitWorker::Step(ChangeUnit& unit) {
  const MarkReader& marks = layers_.marks;
  if (!marks.IsUndecided() || job_.decided) {
    if (job_.decided) marks.Meet(job_.decided);
    Go(unit);
    return;
  }
  const auto trusted = std::optional<MarkerSpace>(MarkerSpace::kTrusted);
  marks.Meet(unit.trusted_at != SIZE_MAX ? trusted : std::nullopt);
  // What it says may turn out to be nobody's word: then it is as if it had not been looked at.
  const size_t index = unit.next;
  const size_t size = unit.output.size();
  const size_t children = unit.children.size();
  const size_t unfinished = unit.unfinished.size();
  Go(unit);
  if (marks.met() == trusted && unit.trusted_at == SIZE_MAX) unit.trusted_at = index;
  if (marks.met() != MarkerSpace::kUser) return;
  unit.output.resize(size);
  unit.children.resize(children);
  unit.unfinished.resize(unfinished);
  unit.comparing.reset();
  unit.failure.reset();
  unit.next = index;
  unit.progress = Progress::kHeld;
}

bool UnitWorker::StepInOrder(ChangeUnit& unit, bool trusted) {
  const MarkReader& marks = layers_.marks;
  if (!marks.IsUndecided()) {
    Go(unit);
    return false;
  }
  const auto met = trusted ? std::optional<MarkerSpace>(MarkerSpace::kTrusted) : std::nullopt;
  marks.Meet(job_.decided ? job_.decided : met);
  const size_t index = unit.next;
  unit.progress = Progress::kMore;
  Go(unit);
  if (marks.met() == MarkerSpace::kTrusted && unit.trusted_at == SIZE_MAX) unit.trusted_at = index;
  return !job_.decided && marks.met() == MarkerSpace::kUser;
}

void UnitWorker::Go(ChangeUnit& unit) {
  const bool root = unit.frame == nullptr;
  Status status = Done{};
  if (unit.comparing) {
    status = CompareMore(unit);
  } else if (!root && !unit.frame->sorted()) {
    status = ReadNames(unit);
  } else {
    status = VisitNext(unit);
  }
  if (!status.ok()) unit.failure = std::move(status.failure());
  const bool over = root ? unit.next > 0 : unit.frame->sorted() && unit.next >= unit.end;
  if (unit.failure || (over && !unit.comparing)) unit.progress = Progress::kDone;
}

Status UnitWorker::ReadNames(ChangeUnit& unit) {
  auto more = unit.frame->Read();
  if (!more.ok()) return std::move(more.failure());
  if (more.value()) return Done{};
  unit.end = unit.frame->size();
  return Done{};
}

Status UnitWorker::VisitNext(ChangeUnit& unit) {
  if (unit.next >= unit.end) return Done{};  // an empty directory
  const size_t index = unit.next++;
  if (unit.frame == nullptr) {
    auto status = MergedFrame::VisitRoot(layers_, job_.scope, entry_);
    if (!status.ok()) return status;
  } else {
    if (unit.end - unit.next > kNames && !unit.rest) {
      unit.rest = std::make_unique<ChangeUnit>(unit.frame, unit.next + kNames);
      unit.rest->end = unit.end;
      unit.end = unit.rest->next;
    }
    auto something = unit.frame->Visit(layers_, index, entry_);
    if (!something.ok()) return std::move(something.failure());
    if (!something.value()) return Done{};
  }
  const bool below = MergedFrame::GoesBelow(layers_, job_.scope, entry_);
  if (entry_.chosen) {
    auto verdict = judge_.Compare(entry_, draft_);
    if (!verdict.ok()) return std::move(verdict.failure());
    auto status = Judge(unit, verdict.value());
    if (!status.ok()) return status;
  }
  if (below) AppendChild(MergedFrame::Below(entry_, job_.scope), index, unit);
  return Done{};
}

Status UnitWorker::Judge(ChangeUnit& unit, Verdict verdict) {
  switch (verdict) {
    case Verdict::kNothing:
      return Done{};
    case Verdict::kLinks:
      TakeUnfinished(unit, false);
      return Done{};
    case Verdict::kContent: {
      auto first = judge_.CompareContent(entry_, draft_);
      if (!first.ok()) return std::move(first.failure());
      if (first.value() != Verdict::kContent) return Judge(unit, first.value());
      unit.comparing = std::make_unique<UnfinishedEntry>();
      unit.comparing->entry = std::move(entry_);
      unit.comparing->draft = std::move(draft_);
      return Done{};
    }
    case Verdict::kChange:
      break;
  }
  auto known = judge_.FindOrigin(entry_, draft_);
  if (!known.ok()) return std::move(known.failure());
  if (known.value()) {
    AppendChange(draft_, entry_.name, unit);
  } else {
    TakeUnfinished(unit, true);
  }
  return Done{};
}

// Only files are left unfinished; what is below one that was a directory is still to be made of it.
void UnitWorker::TakeUnfinished(ChangeUnit& unit, bool compared) {
  auto unfinished = std::make_unique<UnfinishedEntry>();
  unfinished->entry = entry_;
  unfinished->draft = std::move(draft_);
  unfinished->compared = compared;
  AppendUnfinished(std::move(unfinished), unit.next - 1, unit);
}

Status UnitWorker::CompareMore(ChangeUnit& unit) {
  // Back to where a unit in one go has it.
  entry_ = std::move(unit.comparing->entry);
  draft_ = std::move(unit.comparing->draft);
  auto verdict = judge_.CompareContent(entry_, draft_);
  if (!verdict.ok()) {
    unit.comparing.reset();
    return std::move(verdict.failure());
  }
  if (verdict.value() == Verdict::kContent) {
    unit.comparing->entry = std::move(entry_);
    unit.comparing->draft = std::move(draft_);
    return Done{};
  }
  unit.comparing.reset();
  return Judge(unit, verdict.value());
}

Result<UnitWorker::Lacks> UnitWorker::Finish(UnfinishedEntry& entry, bool& is_change) {
  is_change = false;
  if (entry.draft.comparison || !entry.compared) {
    auto verdict = entry.draft.comparison ? judge_.CompareContent(entry.entry, entry.draft)
                                          : judge_.Compare(entry.entry, entry.draft);
    if (!verdict.ok()) return std::move(verdict.failure());
    if (verdict.value() == Verdict::kLinks) return Lacks::kLinks;
    if (verdict.value() == Verdict::kNothing) return Lacks::kNothing;
    if (verdict.value() == Verdict::kContent) return Lacks::kContent;
    entry.compared = true;
  }
  auto known = judge_.FindOrigin(entry.entry, entry.draft);
  if (!known.ok()) return std::move(known.failure());
  if (!known.value()) return Lacks::kRenames;
  is_change = true;
  return Lacks::kNothing;
}

}  // namespace ovl
