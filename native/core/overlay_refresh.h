// Making an overlay forget what it has cached, after a lower was changed below it.
#ifndef OVL_CORE_OVERLAY_REFRESH_H_
#define OVL_CORE_OVERLAY_REFRESH_H_

#include <string>

#include "core/result.h"

namespace ovl {

// Drops every cached name (also "there is no such file") and every cached inode that nobody uses at
// this moment. What is open, mapped or somebody's working directory, and the directories that lead
// to it, stay as they were looked up; so does the merged listing of a directory while anybody has
// it open. The mount, its flags and ro/rw stay as they are, nothing is synced, and writers do not
// matter. `mount` is open on the root of an overlay mount (O_PATH will do), attached or detached.
// Needs CAP_SYS_ADMIN in the user namespace the overlay was mounted in.
Status RefreshOverlay(int mount);

// The same of what is mounted at a path.
Status RefreshOverlayAt(const std::string& target);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_REFRESH_H_
