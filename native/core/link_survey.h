// A walk beforehand that counts names: whether the names of a file are still the same can only be
// said when all of them have been seen, and by then the first would have been reported.
#ifndef OVL_CORE_LINK_SURVEY_H_
#define OVL_CORE_LINK_SURVEY_H_

#include "core/link_groups.h"
#include "core/merged_walk.h"
#include "core/result.h"
#include "core/work_slice.h"

namespace ovl {

class LinkSurvey {
 public:
  LinkSurvey(Layers layers, const LinkIndex& index);

  // Whether the links of that entry can be judged only by more names than its own.
  static bool Needed(const Sides& sides, bool plain);
  // Whether an entry's file has other names than before.
  static bool Changed(const LinkGroups* groups, const LinkIndex& index, const Sides& sides,
                      bool plain);

  // Goes on until the slice is over; false when everything has been counted.
  Result<bool> Next(const WorkSlice& slice);
  LinkGroups Take() { return std::move(groups_); }

 private:
  void Count(const Sides& sides);

  bool plain_;
  const LinkIndex& index_;
  MergedWalk walk_;
  LinkGroups groups_;
};

}  // namespace ovl

#endif  // OVL_CORE_LINK_SURVEY_H_
