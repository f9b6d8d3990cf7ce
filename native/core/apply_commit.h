// The second half of an apply: what the journal says, done or undone. Each step looks at what is
// there first, so that it may have been done already, in part or by somebody who was killed.
#ifndef OVL_CORE_APPLY_COMMIT_H_
#define OVL_CORE_APPLY_COMMIT_H_

#include <string>
#include <vector>

#include "core/apply_events.h"
#include "core/apply_journal.h"
#include "core/layer_dir.h"
#include "core/result.h"

namespace ovl {

// Of a directory. One of somebody else in which we may change names keeps the time that it has got
// by that: only its owner may set it.
Status SetModificationTime(int dir, const struct timespec& time);

class ApplyCommit {
 public:
  ApplyCommit(JournalReader& journal, DirPtr slots, DirPtr root)
      : journal_(journal), slots_(std::move(slots)), root_(std::move(root)) {}

  // One record forwards; false at the end. What others have changed since it was written down is
  // reported and left alone.
  Result<bool> Redo(ApplySink& sink);
  // One backwards, from the end; false at the beginning.
  Result<bool> Undo(ApplySink& sink);
  // How many changes have been carried out, or were found to be.
  uint64_t done() const { return done_; }
  // How many could not be undone, since somebody else has changed the same: what was there lies in
  // the stage still.
  uint64_t lost() const { return lost_; }

 private:
  struct Level {
    std::string path;
    DirPtr dir;  // null: it is not there any more
  };
  enum class Met : uint8_t { kDone, kLost };

  Result<DirPtr> Find(const std::string& path, uint64_t ino) const;
  Status Push(const std::string& path, uint64_t ino);
  DirPtr Pop();
  const DirPtr& Directory(const UnitRecord& unit) const;

  Status RedoEnter(const EnterRecord& record);
  Status RedoLeave(const LeaveRecord& record, ApplySink& sink);
  Status RedoUnit(const UnitRecord& record, ApplySink& sink);
  Result<Met> Put(const UnitRecord& record, const DirPtr& dir);
  Result<Met> Exchange(const UnitRecord& record, const DirPtr& dir);
  Result<Met> Remove(const UnitRecord& record, const DirPtr& dir);
  Status UndoEnter(const EnterRecord& record);
  Status UndoLeave(const LeaveRecord& record);
  Status UndoUnit(const UnitRecord& record, ApplySink& sink);
  Result<Met> TakeBack(const UnitRecord& record, const DirPtr& dir);
  Result<Met> Restore(const UnitRecord& record, const DirPtr& dir);
  Failure ChangedMeanwhile(const std::string& path) const;

  JournalReader& journal_;
  DirPtr slots_;
  DirPtr root_;
  std::vector<Level> levels_;
  bool unit_lost_ = false;  // its parts are as well
  bool begun_ = false;
  uint64_t done_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_APPLY_COMMIT_H_
