// A directory of one layer, reached from the layer's root and never through a symbolic link.
#ifndef OVL_CORE_LAYER_DIR_H_
#define OVL_CORE_LAYER_DIR_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/private_clone.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

class LayerDir;
using DirPtr = std::shared_ptr<LayerDir>;

// Directories that merge, top-most first.
using DirStack = std::vector<DirPtr>;

// Opens on first use. The descriptor may be closed again to stay within the process's limit (a tree
// can be deeper than that) and is then re-opened by walking down from the nearest open ancestor; a
// directory that is no longer the same one counts as gone.
class LayerDir {
 public:
  // The root of layer number `layer`; lowers count from 0, the top-most, and the upper is kUpper.
  static Result<DirPtr> Root(UniqueFd fd, uint32_t layer, std::string display);
  // A root that is there to be reopened only, which is when it gets a private clone of its mount.
  static Result<DirPtr> UnreadRoot(UniqueFd fd, uint32_t layer, std::string display);
  static DirPtr Child(DirPtr parent, std::string name, dev_t dev, ino_t ino);

  // Lets go of the chain of parents one by one: recursion would be as deep as the tree, and a tree
  // may be deeper than the stack.
  ~LayerDir();
  LayerDir(const LayerDir&) = delete;
  LayerDir& operator=(const LayerDir&) = delete;

  static constexpr uint32_t kUpper = UINT32_MAX;

  uint32_t layer() const { return layer_; }
  dev_t dev() const { return dev_; }
  ino_t ino() const { return ino_; }
  bool IsRoot() const { return parent_ == nullptr; }
  const DirPtr& parent() const { return parent_; }
  const std::string& name() const { return name_; }
  // Where an entry of this directory lies, for messages.
  std::string PathOf(const std::string& name) const;

  // A root with a descriptor of its own, so that two readers do not share a position.
  Result<DirPtr> Reopen() const;

  Result<int> Fd();
  // Closes the descriptor; a root stays open. Fd() opens it again.
  void Close();

 private:
  LayerDir() = default;

  DirPtr parent_;
  std::string name_;  // of a root: its path as the user knows it
  UniqueFd fd_;
  std::unique_ptr<PrivateClone> clone_;  // of an unread root
  dev_t dev_ = 0;
  ino_t ino_ = 0;
  uint32_t layer_ = 0;
};

// The same failure, said of an entry of a directory.
inline Failure Located(Failure failure, const DirPtr& dir, const std::string& name) {
  failure.path = dir->PathOf(name);
  return failure;
}

// The same directories of the same layers in the same order.
bool SameStack(const DirStack& a, const DirStack& b);

}  // namespace ovl

#endif  // OVL_CORE_LAYER_DIR_H_
