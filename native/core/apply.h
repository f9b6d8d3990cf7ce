// Carrying out changes on a directory: prepared whole where nobody sees it, written down, then put
// in place name by name. Killed at any moment it can be finished or undone.
#ifndef OVL_CORE_APPLY_H_
#define OVL_CORE_APPLY_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "core/apply_commit.h"
#include "core/apply_events.h"
#include "core/apply_journal.h"
#include "core/apply_prepare.h"
#include "core/apply_stage.h"
#include "core/layers.h"
#include "core/result.h"
#include "core/work_slice.h"

namespace ovl {

class Apply {
 public:
  // Without `to` the destination is the lower itself, of which there has to be one only. `mounted`:
  // the layers are those of an overlay that the caller knows to be mounted.
  static Result<std::unique_ptr<Apply>> Open(const Layers& layers, std::optional<std::string> to,
                                             bool mounted, ApplyOptions options);
  // Finishes, or undoes, what was interrupted. ENOENT with reason "nothing-pending" where nothing
  // was.
  static Result<std::unique_ptr<Apply>> Resume(const std::string& destination, bool sync);
  static Result<std::unique_ptr<Apply>> Abort(const std::string& destination, bool sync);
  // What an interrupted apply has left; nothing where there is none.
  struct Pending {
    ApplyStage::State state = ApplyStage::State::kPreparing;
    std::string stage;
    uint64_t changes = 0;
    int64_t seconds = 0;
    int64_t nanoseconds = -1;  // -1: an older version has not written them
    std::string source;
  };
  static Result<std::optional<Pending>> FindPending(const std::string& destination);

  ~Apply();
  Apply(const Apply&) = delete;
  Apply& operator=(const Apply&) = delete;

  // Goes on until the sink is full or the slice over; false when all is done. After a failure while
  // changes are made the stage remains, and with it the choice to finish or to undo.
  Result<bool> Next(const WorkSlice& slice, ApplySink& sink);
  // From any thread: from the next step on everything is undone.
  void RollBack() { roll_back_.store(true, std::memory_order_relaxed); }

  enum class Phase : uint8_t {
    kPrepare,
    kCommit,  // also what an apply before has left
    kUndo,
    kDiscard,  // the stage is removed
    kEnd,
  };
  struct Progress {
    Phase phase = Phase::kPrepare;
    uint64_t prepared = 0;  // changes
    uint64_t done = 0;
    uint64_t bytes = 0;
    bool refused = false;      // something cannot be done, so nothing was
    bool rolled_back = false;  // all of it was undone
  };
  Progress progress() const;

 private:
  explicit Apply(Destination destination) : destination_(std::move(destination)) {}

  Status Step(const WorkSlice& slice, ApplySink& sink);
  Status TakeOver(ApplyStage stage);
  Status BeginPrepare();
  Status StepPrepare(const WorkSlice& slice, ApplySink& sink);
  Status EndPrepare();
  Status Seal();
  Status OpenJournal();
  Status StepCommit(ApplySink& sink);
  Status EndCommit();
  Status StepUndo(ApplySink& sink);
  Status StepDiscard();
  Status Discarded();
  Status TurnBack();
  Status CheckSpace() const;
  Status Synced();

  Destination destination_;
  ApplyOptions options_;
  std::optional<Layers> layers_;
  Occupied occupied_;
  bool same_lower_ = false;
  std::string source_;

  Phase phase_ = Phase::kPrepare;
  std::optional<ApplyStage> stage_;
  std::optional<JournalWriter> writer_;
  std::unique_ptr<ApplyPreparation> preparation_;
  std::optional<JournalReader> reader_;
  std::unique_ptr<ApplyCommit> commit_;
  std::optional<Failure> failure_;             // said when the stage is gone
  std::optional<struct timespec> root_mtime_;  // where the stage was in the destination
  bool prepare_after_ = false;                 // once what an apply before has left is done with
  bool begun_ = false;                         // the preparation has
  bool made_ = false;                          // every change has been
  bool refused_ = false;
  bool rolled_back_ = false;
  ApplyPlan plan_;
  uint64_t done_ = 0;
  std::atomic<bool> roll_back_{false};
};

}  // namespace ovl

#endif  // OVL_CORE_APPLY_H_
