#include "core/path_filter.h"

#include <fnmatch.h>
#include <locale.h>

#include <algorithm>
#include <utility>

namespace ovl {

namespace {

// In bytes, whatever locale the process has been given: names are bytes.
bool MatchesName(const std::string& pattern, const std::string& name) {
  static const locale_t bytes = ::newlocale(LC_ALL_MASK, "C", nullptr);
  const locale_t before = ::uselocale(bytes);
  const bool matches = ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  ::uselocale(before);
  return matches;
}

}  // namespace

PathPattern::PathPattern(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('/'), text.size());
    const std::string_view part = text.substr(0, end);
    const bool again = part == "**" && !parts_.empty() && parts_.back() == part;
    if (!part.empty() && part != "." && !again) parts_.emplace_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void PathPattern::Reach(Reached& reached, size_t part) const {
  if (std::find(reached.begin(), reached.end(), part) != reached.end()) return;
  reached.push_back(part);
  if (part < parts_.size() && parts_[part] == "**") Reach(reached, part + 1);
}

PathPattern::Reached PathPattern::AtRoot() const {
  Reached reached;
  Reach(reached, 0);
  return reached;
}

PathPattern::Reached PathPattern::Follow(const Reached& reached, const std::string& name) const {
  Reached next;
  for (const size_t part : reached) {
    if (part == parts_.size()) continue;
    if (parts_[part] == "**") {
      Reach(next, part);
    } else if (MatchesName(parts_[part], name)) {
      Reach(next, part + 1);
    }
  }
  return next;
}

bool PathPattern::Matches(const Reached& reached) const {
  return std::find(reached.begin(), reached.end(), parts_.size()) != reached.end();
}

bool PathPattern::MayMatchBelow(const Reached& reached) const {
  return std::any_of(reached.begin(), reached.end(),
                     [this](size_t part) { return part < parts_.size(); });
}

PathFilter::PathFilter(const std::vector<std::string>& include,
                       const std::vector<std::string>& exclude) {
  for (const std::string& text : include) include_.emplace_back(text);
  for (const std::string& text : exclude) exclude_.emplace_back(text);
}

PathFilter::PathFilter(PathSelection selection, const std::vector<std::string>& exclude)
    : PathFilter({}, exclude) {
  selection_ = std::make_shared<const PathSelection>(std::move(selection));
}

PathFilter::Scope PathFilter::Root() const {
  Scope scope;
  for (const PathPattern& pattern : include_) scope.include.push_back(pattern.AtRoot());
  for (const PathPattern& pattern : exclude_) scope.exclude.push_back(pattern.AtRoot());
  scope.answer = Decide(scope, !selection_ && include_.empty());
  return scope;
}

PathFilter::Scope PathFilter::Below(const Scope& directory, const std::string& name) const {
  Scope scope;
  for (size_t i = 0; i < include_.size(); ++i) {
    scope.include.push_back(include_[i].Follow(directory.include[i], name));
  }
  for (size_t i = 0; i < exclude_.size(); ++i) {
    scope.exclude.push_back(exclude_[i].Follow(directory.exclude[i], name));
  }
  if (selection_) {
    scope.place = selection_->Follow(directory.place, name);
    scope.whole = directory.whole;
  }
  scope.answer = Decide(scope, selection_ ? scope.whole : directory.answer == Answer::kChosen);
  return scope;
}

PathFilter::Answer PathFilter::Decide(const Scope& scope, bool chosen_above) const {
  for (size_t i = 0; i < exclude_.size(); ++i) {
    if (exclude_[i].Matches(scope.exclude[i])) return Answer::kPruned;
  }
  if (chosen_above) return Answer::kChosen;
  if (selection_) {
    if (selection_->Names(scope.place)) return Answer::kChosen;
    return scope.place == PathSelection::kNowhere ? Answer::kPruned : Answer::kPassing;
  }
  bool passing = false;
  for (size_t i = 0; i < include_.size(); ++i) {
    if (include_[i].Matches(scope.include[i])) return Answer::kChosen;
    passing = passing || include_[i].MayMatchBelow(scope.include[i]);
  }
  return passing ? Answer::kPassing : Answer::kPruned;
}

}  // namespace ovl
