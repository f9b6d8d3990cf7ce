// What the entries of an overlay are on both sides, as stat tells it.
#ifndef OVL_CORE_SIDE_FACTS_H_
#define OVL_CORE_SIDE_FACTS_H_

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/layers.h"
#include "core/result.h"
#include "core/side_search.h"

namespace ovl {

struct SideFacts {
  bool there = false;
  struct stat st {};
  std::string target;  // of a symbolic link
};

class SideReader {
 public:
  // The layers have to be its own.
  explicit SideReader(Layers layers) : search_(std::move(layers)) {}

  struct Both {
    SideFacts before;
    SideFacts after;
  };
  // Of a path from the root of the overlay; "." is the root. What has vanished since it was listed
  // is not there.
  Result<Both> Read(std::string_view path);
  // The same without the targets of links; until the reader is asked again.
  Result<const Sides*> Find(std::string_view path);
  // What it reads: its roots stay open.
  const Layers& layers() const { return search_.layers(); }

 private:
  SideSearch search_;
  SideEntry entry_;
};

}  // namespace ovl

#endif  // OVL_CORE_SIDE_FACTS_H_
