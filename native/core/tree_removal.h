// Removing a directory that we made, with everything in it.
#ifndef OVL_CORE_TREE_REMOVAL_H_
#define OVL_CORE_TREE_REMOVAL_H_

#include <string>

#include "core/result.h"

namespace ovl {

// Removes the directory `path` and what is below it. No symbolic link is followed and no mount is
// entered: meeting one is an error (EXDEV, reason "submount"), never a deletion behind it. Modes
// that forbid looking in are changed first (overlayfs gives its own "work" mode 0, and an ordinary
// owner could not remove that). Nothing to remove is no error, nor is what others remove meanwhile;
// ESTALE with reason "replaced" where a directory was moved or another one took its place, since
// what is beside it may be anybody's. Open descriptors do not grow with the tree, memory by the
// names of one reading of a directory for each level.
Status RemoveTree(const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_TREE_REMOVAL_H_
