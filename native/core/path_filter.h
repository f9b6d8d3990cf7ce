// Which part of a tree a walk is to report, and where it need not even look.
#ifndef OVL_CORE_PATH_FILTER_H_
#define OVL_CORE_PATH_FILTER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/path_selection.h"

namespace ovl {

// A path pattern, taken apart at its slashes. "**" stands for any number of directories, none
// included, and "dir/**" matches "dir" as well; every other part is a pattern of fnmatch(3),
// matched in bytes. Followed component by component, so that the cost for an entry does not depend
// on its depth.
class PathPattern {
 public:
  explicit PathPattern(std::string_view text);

  // How far the pattern can have come: the numbers of the parts that may be next.
  using Reached = std::vector<size_t>;
  Reached AtRoot() const;
  Reached Follow(const Reached& reached, const std::string& name) const;
  bool Matches(const Reached& reached) const;
  bool MayMatchBelow(const Reached& reached) const;

 private:
  void Reach(Reached& reached, size_t part) const;
  std::vector<std::string> parts_;
};

class PathFilter {
 public:
  PathFilter() = default;
  PathFilter(const std::vector<std::string>& include, const std::vector<std::string>& exclude);
  // What is named and not left out, each by itself: what lies below it is not chosen with it.
  PathFilter(PathSelection selection, const std::vector<std::string>& exclude);

  enum class Answer {
    kPruned,   // neither it nor anything below
    kPassing,  // not itself, but perhaps something below
    kChosen,   // it, and what is below unless that is excluded
  };
  // What is known of one entry.
  struct Scope {
    Answer answer = Answer::kChosen;
    std::vector<PathPattern::Reached> include;
    std::vector<PathPattern::Reached> exclude;
    PathSelection::Place place = PathSelection::kRoot;
    bool whole = false;  // of a selection: what lies below is chosen all the same
  };
  // Whether anything below what is chosen may be left out.
  bool Excludes() const { return !exclude_.empty(); }
  Scope Root() const;
  Scope Below(const Scope& directory, const std::string& name) const;
  // A chosen directory is not there any more: nothing of what lay below can be left.
  static void Removed(Scope& directory) { directory.whole = directory.answer == Answer::kChosen; }

 private:
  Answer Decide(const Scope& scope, bool chosen_above) const;
  std::vector<PathPattern> include_;
  std::vector<PathPattern> exclude_;
  std::shared_ptr<const PathSelection> selection_;  // instead of what is included
};

}  // namespace ovl

#endif  // OVL_CORE_PATH_FILTER_H_
