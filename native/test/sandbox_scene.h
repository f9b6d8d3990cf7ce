// An overlay that programs are run on in sandboxes, in tests.
#ifndef OVL_TEST_SANDBOX_SCENE_H_
#define OVL_TEST_SANDBOX_SCENE_H_

#include <string>

#include "core/sandbox_process.h"
#include "test/detached_overlay.h"
#include "test/tree.h"

// The layers of an overlay, mounted as an ordinary user would, so that the tests need no root.
class SandboxScene {
 public:
  SandboxScene();
  SandboxScene(const SandboxScene&) = delete;
  SandboxScene& operator=(const SandboxScene&) = delete;
  ~SandboxScene();

  bool mounted() const { return mounted_; }
  Tree& tree() { return tree_; }

  ovl::SandboxSpec Shell(const std::string& script) const;
  // With what is to be done in the view besides.
  ovl::SandboxSpec Shell(const std::string& script, int what, const std::string& at) const;

 private:
  TempDir temp_;
  Tree tree_;
  DetachedOverlay overlay_;
  bool mounted_ = false;
};

// The reports up to the last one: " code N" or " signal N", and " gone".
std::string Reports(int fd);

// What it printed, and the reports; or the failure.
std::string RunInSandbox(ovl::SandboxSpec spec);

// Whether nothing of it is left that can write to its output once the process that has started it
// is killed, some microseconds after the beginning.
bool EndsWithItsRunner(ovl::SandboxSpec spec, int delay);

#endif  // OVL_TEST_SANDBOX_SCENE_H_
