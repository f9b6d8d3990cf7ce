// What is mounted below a directory. overlayfs takes the mount that a layer lies on alone, so the
// overlay shows what these mounts cover.
#ifndef OVL_CORE_SUBMOUNTS_H_
#define OVL_CORE_SUBMOUNTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace ovl {

struct Submounts {
  std::string first;
  size_t count = 0;
};

// Asks for one layer after the other, and the kernel once for each mount they lie on: listmount(2)
// (Linux 6.8) for those below it, so that the other mounts of a busy machine cost nothing, else the
// whole table.
class SubmountSearch {
 public:
  // Of an open directory. Nothing where there are none, or on a mount that is in no table.
  Result<std::optional<Submounts>> Below(int dir);

 private:
  using Places = std::vector<std::string>;  // mount points
  Result<const Places*> ChildrenOf(int dir);

  std::map<uint64_t, Places> known_;
};

}  // namespace ovl

#endif  // OVL_CORE_SUBMOUNTS_H_
