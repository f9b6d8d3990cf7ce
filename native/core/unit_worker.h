// One thread's part of a walk: goes on with a unit, entry by entry.
#ifndef OVL_CORE_UNIT_WORKER_H_
#define OVL_CORE_UNIT_WORKER_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "core/change_judge.h"
#include "core/change_unit.h"
#include "core/layers.h"
#include "core/merged_frame.h"
#include "core/result.h"

namespace ovl {

// What all workers of a walk share.
struct WalkJob {
  WalkJob(Layers opened, ChangeOptions wanted) : layers(std::move(opened)) {
    whole.options = std::move(wanted);
  }
  Layers layers;
  WholeOverlay whole;
  WalkScope scope;
  // The namespace of the marks, once that is decided where nobody has said it. Changed only while
  // one thread is at work.
  std::optional<MarkerSpace> decided;
};

class UnitWorker {
 public:
  explicit UnitWorker(const WalkJob& job)
      : job_(job), layers_(job.layers), judge_(layers_, job.whole) {
    layers_.marks = job.layers.marks.Apart();
  }
  UnitWorker(const UnitWorker&) = delete;
  UnitWorker& operator=(const UnitWorker&) = delete;

  // The next call to read names, the next entry, or the next piece of a comparison. What comes of
  // it, a failure included, is in the unit; there may be more as long as its progress says so.
  void Step(ChangeUnit& unit);
  // The same where everything before is known: `trusted` says whether marks in trusted.* were met.
  // True: the entry has decided that they are in user.*, and whatever was found out ahead of it is
  // void.
  bool StepInOrder(ChangeUnit& unit, bool trusted);
  // Goes on with an entry that was left: what it still lacks, or whether it is a change.
  enum class Lacks { kNothing, kContent, kLinks, kRenames };
  Result<Lacks> Finish(UnfinishedEntry& entry, bool& is_change);

  Layers& layers() { return layers_; }

 private:
  void Go(ChangeUnit& unit);
  Status ReadNames(ChangeUnit& unit);
  Status VisitNext(ChangeUnit& unit);
  Status CompareMore(ChangeUnit& unit);
  Status Judge(ChangeUnit& unit, ChangeJudge::Verdict verdict);
  void TakeUnfinished(ChangeUnit& unit, bool compared);

  const WalkJob& job_;
  Layers layers_;
  ChangeJudge judge_;
  WalkEntry entry_;
  ChangeDraft draft_;
};

}  // namespace ovl

#endif  // OVL_CORE_UNIT_WORKER_H_
