// A part of a walk that one thread works on at a time: some of the names of one directory, and what
// was found out about them, in order.
//
// What lies below is units of their own. They are named in the output where their own output
// belongs, so that units may be worked on in any order and are put together in the right one.
#ifndef OVL_CORE_CHANGE_UNIT_H_
#define OVL_CORE_CHANGE_UNIT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/change.h"
#include "core/change_judge.h"
#include "core/merged_frame.h"
#include "core/result.h"

namespace ovl {

// An entry that cannot be judged yet.
struct UnfinishedEntry {
  WalkEntry entry;
  ChangeDraft draft;
  bool compared = false;  // what is left is to find out where it came from
};

struct ChangeUnit {
  using Ptr = std::unique_ptr<ChangeUnit>;

  ChangeUnit() = default;
  ChangeUnit(std::shared_ptr<MergedFrame> of, size_t first) : frame(std::move(of)), next(first) {}
  ChangeUnit(const ChangeUnit&) = delete;
  ChangeUnit& operator=(const ChangeUnit&) = delete;
  // Units form a tree as deep as the directories, which recursion must not follow.
  ~ChangeUnit();

  // Null: the root of the overlay itself.
  std::shared_ptr<MergedFrame> frame;
  size_t next = 0;        // name to be looked at
  size_t end = SIZE_MAX;  // the first one that is another unit's; known once the names are
  std::unique_ptr<UnfinishedEntry> comparing;  // whose contents are being compared

  // Records (see Record) with their texts.
  std::string output;
  size_t given = 0;  // how much of it has been handed out
  std::vector<Ptr> children;
  size_t shown_children = 0;  // that others may work on
  size_t taken_children = 0;  // that are their own by now
  std::vector<std::unique_ptr<UnfinishedEntry>> unfinished;
  Ptr rest;  // the names from `end` on
  bool rest_shown = false;
  std::optional<Failure> failure;  // where the output ends
  // The first name whose marks are in trusted.*, where nobody has said whether they are.
  size_t trusted_at = SIZE_MAX;

  // What whoever works on it has come to.
  enum class Progress : uint8_t {
    kMore,
    kHeld,  // it has met marks in user.*, which decides for all if it is the first in order
    kDone,
  };
  Progress progress = Progress::kMore;
  // What others see of that (WalkSchedule).
  enum class State : uint8_t { kWaiting, kRunning, kHeld, kDone };
  State state = State::kWaiting;
  size_t counted = 0;        // bytes of the output, and for the rest, that the walk knows of
  size_t helper = SIZE_MAX;  // that was at work on it, if one was

  // Of the units that are not done, in order of the paths.
  ChangeUnit* before = nullptr;
  ChangeUnit* after = nullptr;

  bool listed = false;  // among those

  // Memory that it takes, about.
  size_t Weight() const;
  // Forgets what was found out from that name on, and what was not handed out unless it is to be
  // kept.
  void GoBackTo(size_t name, bool keep_output);
};

// One piece of the output of a unit.
struct Record {
  enum class What : uint8_t { kChange, kChild, kUnfinished };
  What what = What::kChange;
  ChangeKind kind = ChangeKind::kAdded;
  bool content_unknown = false;
  bool unknown = false;
  Aspects aspects = 0;
  uint16_t type = 0;
  uint16_t previous_type = 0;
  uint16_t name_size = 0;     // a name follows,
  uint32_t renamed_size = 0;  // and a path
  uint32_t number = 0;        // of the child or the unfinished entry
  uint64_t index = 0;         // of the name, of a child or an unfinished entry
};

void AppendChange(const ChangeDraft& draft, const std::string& name, ChangeUnit& unit);
void AppendChild(std::shared_ptr<MergedFrame> frame, size_t index, ChangeUnit& unit);
void AppendUnfinished(std::unique_ptr<UnfinishedEntry> entry, size_t index, ChangeUnit& unit);

// The record that is next to be handed out; false where there is none.
struct NextRecord {
  Record record;
  std::string_view name;
  std::string_view renamed_from;
};
bool TakeRecord(ChangeUnit& unit, NextRecord& next);
// Whether that is a child.
bool IsChildNext(const ChangeUnit& unit);

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_UNIT_H_
