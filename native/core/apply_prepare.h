// The first half of an apply: everything is judged, made and written down, and nothing of the
// destination is changed. What cannot be done is known when it ends.
#ifndef OVL_CORE_APPLY_PREPARE_H_
#define OVL_CORE_APPLY_PREPARE_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/apply_build.h"
#include "core/apply_checks.h"
#include "core/apply_events.h"
#include "core/apply_journal.h"
#include "core/apply_levels.h"
#include "core/apply_privilege.h"
#include "core/apply_stage.h"
#include "core/change_walk.h"
#include "core/entry_comparison.h"
#include "core/result.h"
#include "core/side_search.h"
#include "core/work_slice.h"

namespace ovl {

// One name of the destination that is going to be changed, with everything below it.
struct ApplyUnit {
  // Of a new tree: a directory that is being filled.
  struct Inner {
    std::string path;
    DirPtr dir;
    struct stat st {};
    Xattrs xattrs;
    mode_t mode = 0;
  };
  std::string path;
  UnitRecord record;
  struct timespec mtime {};  // of its directory, afterwards
  std::vector<Inner> inner;
  std::optional<Failure> refused;  // which was found when it was written down
  bool removing = false;           // a tree goes, and is looked at first
  bool committed = false;          // it is written down
};

class ApplyPreparation {
 public:
  struct Setup {
    std::unique_ptr<ChangeWalk> walk;
    std::unique_ptr<SideSearch> search;  // over the same layers
    DirPtr root;                         // of the destination
    struct stat root_st {};
    bool same_lower = false;      // the destination is the lower itself
    Occupied occupied;            // in the destination
    ApplyStage* stage = nullptr;  // null: a dry run
    JournalWriter* journal = nullptr;
    ApplyOptions options;
  };
  explicit ApplyPreparation(Setup setup);

  // One step; false when all is prepared. A failure is one of the whole.
  Result<bool> Step(const WorkSlice& slice, ApplySink& sink);
  const ApplyPlan& plan() const { return plan_; }

 private:
  enum class Comparing : uint8_t { kNothing, kBefore, kAfter, kRemoved };

  bool dry() const { return setup_.stage == nullptr; }
  const Layers& layers() const { return setup_.search->layers(); }
  const Found& before() const { return entry_.sides.before; }
  const Found& after() const { return entry_.sides.after; }
  bool IsAsSeen() const;
  bool BecomesDirectory() const;
  bool HasOtherNames() const;

  Status ReadAhead(const WorkSlice& slice);
  Status Begin();
  Status FindEntry();
  Status Judge();
  Result<const char*> WhyRemoved();
  Status JudgeMissingDirectory(const ApplyLevel& level);
  Status JudgeInPlace();
  Status PlanInPlace(ApplyLevel& level, const Xattrs& there);
  Status Compare(Comparing what);
  Status StepComparison();
  Status Differs();
  Status Act();
  Status ActOnTree();
  Status ActOnFile();
  Status FileIsMade();
  Status StepCopy();
  Status StartImplied(const std::string& path);
  Status StagePart();
  Status CheckRemoved();
  Status CloseUnit();
  Status CommitUnit();

  Result<ApplyLevel*> GoTo(std::string_view path);
  Status Leave(ApplyLevel& level);
  Status MayEnter(const ApplyLevel& level);
  Status Enter(ApplyLevel& level, const struct timespec& mtime);
  Status MayReplace(const ApplyLevel& level);
  Status TryToMove();
  BuildPlace InSlots(uint64_t slot) const;
  BuildPlace InTree(std::string_view path) const;
  Status BeginInner(const Found& found, const BuildPlace& place, const std::string& path);
  Status EndInner();
  Result<bool> LinkMoved(const BuildPlace& place);
  Result<DirPtr> DestinationDirectory(std::string_view path);

  bool IsOld(const struct stat& st) const;
  bool HoldsMount(std::string_view path) const;
  bool TouchesLayer(std::string_view path) const;
  ChangeInfo Implied(const std::string& path) const;
  Failure InDestination(int err, const char* call, const char* reason) const;
  void Report(ApplyOutcome outcome, const Failure* failure);
  Status Fail(Failure failure);
  Status FailInPlace(Failure failure);
  Status Conflict(const char* reason);
  Status Write(const ApplyRecord& record);

  Setup setup_;
  ApplyBuild build_;
  ApplyPrivilege privilege_;
  ApplyLevels levels_;
  MarkReader there_marks_;
  ApplyPlan plan_;
  ApplySink* sink_ = nullptr;

  std::deque<ChangeInfo> ahead_;  // what the walk has found, and has not been looked at
  std::optional<Failure> cut_;    // where the walk has ended, after those

  // The change at hand.
  ChangeInfo info_;
  std::string path_;  // "" for the root
  SideEntry entry_;
  Look look_;
  DirPtr dir_;        // of the destination, that it is in
  LayerEntry there_;  // what has its name
  std::optional<EntryComparison> comparison_;
  BuildPlace place_;

  std::optional<ApplyUnit> unit_;
  std::optional<std::string> skip_;  // nothing below it is carried out
  uint64_t slots_ = 0;
  std::map<ino_t, struct timespec> linked_;  // files that we gave a name, and when they had changed
  std::string moved_path_;                   // a directory that moved files were found in
  DirPtr moved_dir_;

  Comparing comparing_ = Comparing::kNothing;
  bool seen_all_ = false;  // the walk has ended
  bool unopened_ = false;  // of the change at hand only what FindInUpper says is known
  bool exists_ = false;    // something has the name of the change at hand
  bool as_part_ = false;   // it is being made as a part of the unit
  bool can_try_ = false;   // the stage has what TryToMove needs
};

}  // namespace ovl

#endif  // OVL_CORE_APPLY_PREPARE_H_
