// Every name that may differ between the lowers alone and the overlay, one after another in order,
// with both sides.
#ifndef OVL_CORE_MERGED_WALK_H_
#define OVL_CORE_MERGED_WALK_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/layers.h"
#include "core/merged_frame.h"
#include "core/result.h"

namespace ovl {

class MergedWalk {
 public:
  // Reads directories to their end: the layers have to be the walk's own.
  MergedWalk(Layers layers, WalkScope scope);
  ~MergedWalk();
  MergedWalk(const MergedWalk&) = delete;
  MergedWalk& operator=(const MergedWalk&) = delete;

  enum class Event {
    kBusy,   // one call was made; nothing to report yet
    kEntry,  // entry() is the next one
    kEnd,
  };
  // Goes below the entry that was given last, where there is something, and on.
  Result<Event> Step();

  const WalkEntry& entry() const { return entry_; }
  // Of the entry, from the root of the overlay.
  std::string path() const { return entry_.place ? entry_.place->PathOf(entry_.name) : "."; }

 private:
  struct Level {
    std::shared_ptr<MergedFrame> frame;
    size_t next = 0;
  };
  void Push(std::shared_ptr<MergedFrame> frame);
  void Leave();

  Layers layers_;
  WalkScope scope_;
  size_t open_levels_;
  std::vector<Level> levels_;
  bool started_ = false;
  bool entered_ = true;  // nothing is left to be done below entry_
  WalkEntry entry_;
};

}  // namespace ovl

#endif  // OVL_CORE_MERGED_WALK_H_
