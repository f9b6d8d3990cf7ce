// Removing a directory that we made, with everything in it.
#ifndef OVL_CORE_TREE_REMOVAL_H_
#define OVL_CORE_TREE_REMOVAL_H_

#include <memory>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Removes the directory `path` and what is below it. No symbolic link is followed and no mount is
// entered: meeting one is an error (EXDEV, reason "submount"), never a deletion behind it. Modes
// that forbid looking in are changed first (overlayfs gives its own "work" mode 0, and an ordinary
// owner could not remove that). Nothing to remove is no error, nor is what others remove meanwhile;
// ESTALE with reason "replaced" where a directory was moved or another one took its place, since
// what is beside it may be anybody's. Open descriptors do not grow with the tree, memory by the
// names of one reading of a directory for each level.
Status RemoveTree(const std::string& path);

// The same of the directory `name` in an open one, in pieces: a tree may be large.
class TreeRemoval {
 public:
  TreeRemoval(UniqueFd parent, std::string name);
  ~TreeRemoval();
  TreeRemoval(const TreeRemoval&) = delete;
  TreeRemoval& operator=(const TreeRemoval&) = delete;

  // One reading of a directory, or one way in or out; false when nothing is left.
  Result<bool> Step();

 private:
  class Removal;
  std::unique_ptr<Removal> removal_;
};

}  // namespace ovl

#endif  // OVL_CORE_TREE_REMOVAL_H_
