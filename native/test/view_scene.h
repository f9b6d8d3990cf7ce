// A detached overlay with the programs that are run on it, in tests.
#ifndef OVL_TEST_VIEW_SCENE_H_
#define OVL_TEST_VIEW_SCENE_H_

#include <string>
#include <vector>

#include "core/view_process.h"
#include "test/detached_overlay.h"
#include "test/tree.h"

// The layers of an overlay, and what is asked of it.
class ViewScene {
 public:
  explicit ViewScene(Mounter mounter);
  ViewScene(const ViewScene&) = delete;
  ViewScene& operator=(const ViewScene&) = delete;
  ~ViewScene();

  bool Mount() { return MountDetached(temp_.path(), mounter_, overlay_); }
  DetachedOverlay& overlay() { return overlay_; }
  Tree& tree() { return tree_; }
  std::string Lower() const { return tree_.Path("lower"); }

  ovl::ViewProcessSpec Spec(std::vector<std::string> args) const;

  // What it printed, then " code N" or " signal N", or the failure.
  static std::string Run(const ovl::ViewProcessSpec& spec);
  std::string Shell(const std::string& script) const { return Run(Spec({"sh", "-c", script})); }

 private:
  Mounter mounter_;
  TempDir temp_;
  Tree tree_;
  DetachedOverlay overlay_;
};

// Else the test is skipped.
bool HaveRoot();

#endif  // OVL_TEST_VIEW_SCENE_H_
