// What the entries of an overlay are on both sides: one path after another, by name.
//
// Keeps the directories that lead to the last path, so that in the order of a walk a path costs one
// lookup however deep it lies. Paths in another order are answered just as well.
#ifndef OVL_CORE_SIDE_SEARCH_H_
#define OVL_CORE_SIDE_SEARCH_H_

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/layers.h"
#include "core/link_index.h"
#include "core/merged_frame.h"
#include "core/result.h"
#include "core/sides.h"

namespace ovl {

// One path, as it was found.
struct SideEntry {
  Sides sides;
  std::string name;          // in its directory; of the root of the overlay empty
  struct stat directory {};  // of what shows as the directory that it is in; none of the root
  WalkPlace::Ptr place;      // of that directory; null of the root

  // Where it is in an overlay in which only directories above have been renamed.
  std::string PathInRenamed() const { return place ? place->PathBefore(name) : std::string(); }
};

class SideSearch {
 public:
  // The layers have to be its own.
  explicit SideSearch(Layers layers) : layers_(std::move(layers)) {}

  // A path from the root of the overlay; "" is the root. What has vanished since it was listed is
  // not there.
  Status Find(std::string_view path, SideEntry& entry);
  // The same of a regular file of which a walk has said what the lowers have: only what the upper
  // has of it, and not what stat tells, which whoever opens it is told anyway. False: it takes
  // Find, since the upper has no such file, or one without data.
  Result<bool> FindInUpper(std::string_view path, SideEntry& entry);
  // What it reads: its roots stay open.
  const Layers& layers() const { return layers_; }

 private:
  struct Level {
    std::string path;  // of the directory; empty for the root
    struct stat st {};
    MergedDirectory dir;
    WalkPlace::Ptr place;
  };

  Status FindRoot(Sides& sides) const;
  Status GoTo(std::string_view directory);
  Result<const Level*> Name(std::string_view path, SideEntry& entry);
  void Push(std::string path, Sides sides, WalkPlace::Ptr place);
  Status ApplyIndex(Sides& sides);

  Layers layers_;
  std::vector<Level> levels_;
  std::optional<LinkIndex> index_;  // where it is lost, and had to be found out
};

}  // namespace ovl

#endif  // OVL_CORE_SIDE_SEARCH_H_
