#include "core/path_selection.h"

#include <algorithm>
#include <cstddef>

namespace ovl {

PathSelection::PathSelection(const std::vector<std::string>& paths) : named_{false} {
  for (const std::string& path : paths) Add(path);
}

void PathSelection::Add(const std::string& path) {
  Place place = kRoot;
  for (size_t from = 0; from < path.size();) {
    const size_t end = std::min(path.find('/', from), path.size());
    std::string name = path.substr(from, end - from);
    from = end + 1;
    if (name.empty() || name == ".") continue;
    const auto [found, fresh] =
        below_.try_emplace({place, std::move(name)}, static_cast<Place>(named_.size()));
    if (fresh) named_.push_back(false);
    place = found->second;
  }
  named_[place] = true;
}

PathSelection::Place PathSelection::Follow(Place place, const std::string& name) const {
  if (place == kNowhere) return kNowhere;
  const auto found = below_.find({place, name});
  return found == below_.end() ? kNowhere : found->second;
}

}  // namespace ovl
