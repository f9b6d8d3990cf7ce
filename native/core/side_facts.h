// What the entries of an overlay are on both sides, as stat tells it: one path after another, in
// the order of a walk.
#ifndef OVL_CORE_SIDE_FACTS_H_
#define OVL_CORE_SIDE_FACTS_H_

#include <sys/stat.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/layers.h"
#include "core/link_index.h"
#include "core/result.h"
#include "core/sides.h"
#include "core/stack_lookup.h"

namespace ovl {

struct SideFacts {
  bool there = false;
  struct stat st {};
  std::string target;  // of a symbolic link
};

// Keeps the directories that lead to the last path, so that in the order of a walk a path costs one
// lookup however deep it lies. Paths in another order are answered just as well.
class SideReader {
 public:
  // The layers have to be its own.
  explicit SideReader(Layers layers) : layers_(std::move(layers)) {}

  struct Both {
    SideFacts before;
    SideFacts after;
  };
  // Of a path from the root of the overlay; "." is the root. What has vanished since it was listed
  // is not there.
  Result<Both> Read(std::string_view path);
  // What it reads: its roots stay open.
  const Layers& layers() const { return layers_; }

 private:
  struct Level {
    std::string path;  // of the directory; empty for the root
    MergedDirectory dir;
  };

  Status GoTo(std::string_view directory);
  void Push(std::string path, Sides sides);
  Status ApplyIndex(Sides& sides);
  Result<SideFacts> FactsOf(const Found& found);
  Result<SideFacts> RootFacts(const DirPtr& root);

  Layers layers_;
  std::vector<Level> levels_;
  std::optional<LinkIndex> index_;  // where it is lost, and had to be found out
};

}  // namespace ovl

#endif  // OVL_CORE_SIDE_FACTS_H_
