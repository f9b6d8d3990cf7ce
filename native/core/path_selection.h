// Entries of a tree named one by one: no patterns, so that any name can be said.
#ifndef OVL_CORE_PATH_SELECTION_H_
#define OVL_CORE_PATH_SELECTION_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ovl {

// Relative paths; "." is the root. Followed component by component, as patterns are.
class PathSelection {
 public:
  explicit PathSelection(const std::vector<std::string>& paths);

  // How far a path has come.
  using Place = uint32_t;
  static constexpr Place kRoot = 0;
  static constexpr Place kNowhere = UINT32_MAX;  // neither it nor anything below is named
  Place Follow(Place place, const std::string& name) const;
  bool Names(Place place) const { return place != kNowhere && named_[place]; }

 private:
  void Add(const std::string& path);
  std::map<std::pair<Place, std::string>, Place> below_;
  std::vector<bool> named_;  // by place
};

}  // namespace ovl

#endif  // OVL_CORE_PATH_SELECTION_H_
