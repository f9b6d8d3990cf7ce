// The directories of overlays, and mounts of them made by plain system calls.
#ifndef OVL_TEST_OVERLAY_DIRS_H_
#define OVL_TEST_OVERLAY_DIRS_H_

#include <string>

#include "core/unique_fd.h"
#include "test/tree.h"

// lower, upper, upper2, work, work2, merged and merged2 in a fresh directory that every user may
// write to.
class OverlayDirs {
 public:
  OverlayDirs();
  // Unmounts what lies on the places for mounts.
  ~OverlayDirs();
  OverlayDirs(const OverlayDirs&) = delete;
  OverlayDirs& operator=(const OverlayDirs&) = delete;

  std::string Path(std::string_view name) const { return tree_.Path(name); }
  Tree& tree() { return tree_; }
  ovl::UniqueFd Open(std::string_view name) const;

  // errno of mount(2), or 0.
  int Mount(std::string_view upper, std::string_view work, std::string_view target,
            const std::string& more = "") const;
  bool Unmount(std::string_view target, int flags = 0) const;
  // A mount that only the descriptor keeps; none if it failed.
  ovl::UniqueFd MountDetached(std::string_view upper, std::string_view work) const;

 private:
  TempDir temp_;
  Tree tree_;
};

#endif  // OVL_TEST_OVERLAY_DIRS_H_
