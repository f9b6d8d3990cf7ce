// Everything an upper layer changes, in order, computed from the layers alone; or everything that
// differs between two plain directories.
//
// The work is in units (change_unit.h). The thread that asks for a batch hands out what they have
// found, from the front; where that waits for nothing else it works on the unit at the front. Where
// there is more to do, helpers work on the units behind it meanwhile.
#ifndef OVL_CORE_CHANGE_WALK_H_
#define OVL_CORE_CHANGE_WALK_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/change.h"
#include "core/change_unit.h"
#include "core/layers.h"
#include "core/link_index.h"
#include "core/link_survey.h"
#include "core/rename_survey.h"
#include "core/result.h"
#include "core/unit_worker.h"
#include "core/walk_schedule.h"
#include "core/work_crew.h"
#include "core/work_slice.h"

namespace ovl {

class ChangeWalk {
 public:
  // The walk opens the roots anew: several may go over the same layers at once, in any thread.
  static Result<std::unique_ptr<ChangeWalk>> Open(const Layers& layers, ChangeOptions options);
  ~ChangeWalk();
  ChangeWalk(const ChangeWalk&) = delete;
  ChangeWalk& operator=(const ChangeWalk&) = delete;

  // From now on nothing but the kinds of changes is found out.
  void OnlyKinds() { job_.whole.options.kinds = true; }

  // Goes on until the sink is full or the slice over; false when everything has been seen. Helpers
  // touch nothing when it returns, and are gone after the last time.
  Result<bool> Next(const WorkSlice& slice, ChangeSink& sink);

  // Where nobody has said which namespace the marks are in: user.*, once one of those was met.
  std::optional<MarkerSpace> decided() const { return job_.decided; }

 private:
  // On the way from the root to the front.
  struct Level {
    ChangeUnit::Ptr unit;
    size_t path_size;  // of path_, for the directory itself
    size_t index;      // of the directory's name in the one above
    bool left_above;   // directories above were not done when it was entered
    size_t suspended;  // of these, how many were in the middle of a comparison
  };

  ChangeWalk(Layers layers, ChangeOptions options);
  Result<bool> Advance(const WorkSlice& slice, ChangeSink& sink);
  Status StepIndex(const WorkSlice& slice);
  Status StepLinkSurvey(const WorkSlice& slice);
  Status StepRenameSurvey(const WorkSlice& slice);
  Status StepUnfinished(ChangeSink& sink);
  Status HandOut(const NextRecord& next, ChangeSink& sink);
  void Give(const Change& change, std::string_view name, std::string_view renamed,
            ChangeSink& sink);
  bool HoldFront();
  void TakeFront();
  void LetGoOfFront();
  void Enter(const NextRecord& next);
  void Leave();
  bool StaysAbove(const ChangeUnit& front);
  void StepFront(bool in_order);
  bool Undecided() const { return job_.layers.marks.IsUndecided() && !job_.decided; }
  void Decide(size_t next, bool keep_output);
  void CallHelpers(const WorkSlice& slice);
  void SendHelpersAway();
  void WorkBehind(const WorkSlice& slice);
  void Work(UnitWorker& worker, ChangeUnit& unit, const WorkSlice& slice);

  WalkJob job_;
  std::unique_ptr<LinkIndexReader> index_reader_;

  size_t most_helpers_;
  WalkSchedule schedule_;
  UnitWorker front_worker_;
  std::vector<std::unique_ptr<UnitWorker>> helpers_;
  WorkCrew crew_;
  bool called_ = false;  // helpers, in this call of Next; there may be none to be had
  std::atomic<bool> stopping_{false};

  std::vector<Level> levels_;
  bool held_ = false;                    // the unit at the front is not to be worked on by others
  std::shared_ptr<MergedFrame> pinned_;  // its directory
  std::string path_;
  std::unique_ptr<UnfinishedEntry> unfinished_;  // whose turn it is
  size_t unfinished_index_ = 0;                  // of its name
  bool trusted_met_ = false;                     // in what was handed out
  size_t steps_ = 0;                             // of the unit at the front

  std::unique_ptr<LinkSurvey> link_survey_;  // while they are under way
  std::unique_ptr<RenameSurvey> rename_survey_;
  std::unique_ptr<LinkGroups> links_;  // once they are known
  std::unique_ptr<Renames> renames_;
};

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_WALK_H_
