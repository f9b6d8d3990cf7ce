// The totals of directories instead of a list of changes: all that whoever sums them up wants to
// know, so that no single change need cross to JavaScript.
#ifndef OVL_CORE_CHANGE_SUMMARY_H_
#define OVL_CORE_CHANGE_SUMMARY_H_

#include <cstddef>
#include <cstdint>

#include "core/change_totals.h"
#include "core/change_walk.h"
#include "core/result.h"
#include "core/side_facts.h"
#include "core/work_slice.h"

namespace ovl {

class ChangeSummary {
 public:
  // So many levels of directories are told apart.
  explicit ChangeSummary(size_t depth) : directories_(depth) {}

  // Goes on until the sink is full or the slice over; false when everything has been seen. The walk
  // has to be one with `expand`, and it and the reader the same every time.
  Result<bool> Next(ChangeWalk& walk, SideReader& sides, const WorkSlice& slice, TotalsSink& sink);
  // How many changes there were so far.
  uint64_t found() const { return found_; }

 private:
  class Adding;

  ByteCounter bytes_;
  DirectoryCounter directories_;
  uint64_t found_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_SUMMARY_H_
