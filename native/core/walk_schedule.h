// Which unit is worked on next, by several threads: the one that is nearest to the front, so that
// what is found out can be handed out soon. What waits to be handed out is bounded.
#ifndef OVL_CORE_WALK_SCHEDULE_H_
#define OVL_CORE_WALK_SCHEDULE_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "core/change_unit.h"
#include "core/layer_dir.h"
#include "core/open_directories.h"

namespace ovl {

class WalkSchedule {
 public:
  // Helpers are numbered from 0.
  explicit WalkSchedule(size_t helpers);

  // Its first unit.
  void Begin(ChangeUnit& unit);

  // The nearest waiting unit, which is kRunning then; null: there is none, or too much has been
  // found out ahead already.
  ChangeUnit* Claim();
  // Waits for one, for a helper; null once Stop() was called.
  ChangeUnit* AwaitClaim(size_t helper);
  // This unit, unless another thread is at work on it. A unit that is done is everybody's.
  bool Hold(ChangeUnit& unit);
  // The same once the other thread has given it back, which does not get it again before.
  void AwaitHold(ChangeUnit& unit);
  // Shows the rest of a long directory to others.
  void ShowRest(ChangeUnit& unit);
  // Takes a child out of a unit that is held, to hand it out.
  ChangeUnit::Ptr TakeChild(ChangeUnit& unit, size_t number);
  // Gives a unit back, shows what is below to others, and closes what has long been unused. Of a
  // unit that is done the directory is let go of, unless it may have to be gone through again, and
  // the way back is opened (LayerDir::OpenWayBack).
  void Release(ChangeUnit& unit, bool keep);
  // A unit, done, has been handed out. `left_above`: directories above may not be done, and the way
  // back to them is opened.
  void Forget(ChangeUnit::Ptr unit, bool left_above);

  // Nobody waits any more.
  void Stop();
  void Resume() { stopped_ = false; }

  // Nothing but the units given from now on (Begin) is known. While one thread is at work.
  void Clear();

  // Whether there is more to do than one thread can.
  bool HasWaiting();
  // Whether more may be found out ahead.
  bool HasRoom();

 private:
  void FreeGone(size_t helper, std::unique_lock<std::mutex>& lock);
  static bool TryHold(ChangeUnit& unit);
  void ShowChildren(ChangeUnit& unit);
  void InsertBefore(ChangeUnit& unit, ChangeUnit& place);
  void Remove(ChangeUnit& unit);
  ChangeUnit* FirstWaiting() const;
  void UsedAll(const ChangeUnit& unit);
  static std::vector<DirPtr> OpenWayBack(const ChangeUnit& unit);
  void Count(ChangeUnit& unit, size_t weight);

  std::mutex mutex_;
  std::condition_variable changed_;
  ChangeUnit* first_ = nullptr;
  const ChangeUnit* awaited_ = nullptr;
  size_t ahead_ = 0;  // bytes
  size_t idle_ = 0;   // threads that wait
  bool stopped_ = false;
  OpenDirectories open_;
  // What each helper was at work on last, handed out: its memory is the helper's to free. malloc
  // has an arena for every thread, whose lock both would wait for otherwise, and helpers are slow
  // to let go of it where there are more threads than processors.
  std::vector<std::vector<ChangeUnit::Ptr>> gone_;
};

}  // namespace ovl

#endif  // OVL_CORE_WALK_SCHEDULE_H_
