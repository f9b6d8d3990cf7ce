// Counts changes, and the bytes that come and go with them. By the rules of lib/change-totals.ts
// and lib/summarize.ts, for lists that do not cross.
#ifndef OVL_CORE_CHANGE_TOTALS_H_
#define OVL_CORE_CHANGE_TOTALS_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/change.h"

namespace ovl {

// Numbers of JavaScript, added up as it does: sizes may come to more than 64 bits hold.
struct ChangeTotals {
  double added = 0;
  double modified = 0;
  double deleted = 0;
  double added_bytes = 0;
  double freed_bytes = 0;
  double changed_bytes = 0;

  void Add(const ChangeTotals& more);
};

// Hard links are names of one file: what is there counts with the first of them, and what was there
// with the last, since until then it is not gone. Every file of several names is remembered.
class ByteCounter {
 public:
  // The totals of one change. Null: nothing is there on that side.
  ChangeTotals Measure(const Change& change, const struct stat* before, const struct stat* after);

 private:
  using Id = std::pair<dev_t, ino_t>;
  bool IsFirst(const struct stat* side);
  bool IsLast(const struct stat* side);

  std::set<Id> seen_;
  std::map<Id, int64_t> names_left_;
};

// Takes the totals of directories that are complete.
class TotalsSink {
 public:
  virtual ~TotalsSink() = default;
  // A path from the root of the overlay; "." is the root.
  virtual void Add(std::string_view path, const ChangeTotals& totals) = 0;
  virtual bool Full() const = 0;
};

// The directories that lead to the present change, as many levels of them as are told apart.
class DirectoryCounter {
 public:
  explicit DirectoryCounter(size_t depth) : depth_(depth), levels_(1) {}
  // Counts a change; the directories that are complete before it are given first.
  void Add(const Change& change, const ChangeTotals& totals, TotalsSink& sink);
  // At the end: what is left, the root last.
  void End(TotalsSink& sink) { Leave(0, sink); }

 private:
  struct Level {
    std::string path;  // empty for the root
    ChangeTotals totals;
  };
  void Leave(size_t level, TotalsSink& sink);

  size_t depth_;
  std::vector<Level> levels_;
};

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_TOTALS_H_
