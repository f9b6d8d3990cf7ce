// Layers made by hand, and what the core finds in them, as text.
#ifndef OVL_TEST_HAND_LAYERS_H_
#define OVL_TEST_HAND_LAYERS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/change_walk.h"
#include "core/layers.h"
#include "core/stack_lookup.h"
#include "test/tree.h"

// An upper ("u") and lowers ("l0" on top, "l1", …) in a directory of their own.
class HandLayers {
 public:
  explicit HandLayers(size_t lowers, ovl::MarkerSpace space = ovl::MarkerSpace::kUser);

  // False, and the test is skipped, where the filesystem or the user cannot have the marks.
  bool Usable();

  Tree& upper() { return upper_; }
  Tree& lower(size_t i) { return lowers_[i]; }
  // Sets one of overlayfs's own attributes.
  void Mark(Tree& tree, std::string_view name, std::string_view mark, std::string_view value);
  void Opaque(Tree& tree, std::string_view name) { Mark(tree, name, "opaque", "y"); }
  void Redirect(Tree& tree, std::string_view name, std::string_view to) {
    Mark(tree, name, "redirect", to);
  }
  // A file without data of its own, of the size of `content`.
  void Metacopy(Tree& tree, std::string_view name, size_t size, std::string_view redirect = "");
  void XattrWhiteout(Tree& tree, std::string_view name);

  // Opens them; `data_only` of the lowers, at the end, count as such.
  ovl::Layers Open(size_t data_only = 0);

  // A path below the layers without what leads there: "l0/a".
  std::string Short(const std::string& path) const;

 private:
  TempDir temp_;
  ovl::MarkerSpace space_;
  Tree upper_;
  std::vector<Tree> lowers_;
};

// What a path is below `layers`, found name by name: "nothing", "file l0/f",
// "file l0/f, data l1/f", "dirs l0/d l1/d", or a failure.
std::string LookupPath(const HandLayers& hand, const ovl::Layers& layers, const std::string& path);
std::string ShowFound(const HandLayers& hand, const ovl::Result<ovl::Found>& found);
// "ENOTSUP user-redirect l0/d": errno, reason and path.
std::string ShowFailure(const HandLayers& hand, const ovl::Failure& failure);

// A sink of lines: "A file a/b", "M file a/b content times", "M dir a was file: type", "D dir x".
class ChangeLines final : public ovl::ChangeSink {
 public:
  explicit ChangeLines(size_t capacity = SIZE_MAX) : capacity_(capacity) {}
  void Add(const ovl::Change& change) override;
  bool Full() const override { return batch_ >= capacity_; }
  void Empty() { batch_ = 0; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  size_t capacity_;
  size_t batch_ = 0;
  std::vector<std::string> lines_;
};

// All changes; a failure is the last line.
std::vector<std::string> ListChanges(HandLayers& hand, const ovl::Layers& layers,
                                     ovl::ChangeOptions options = {});

#endif  // OVL_TEST_HAND_LAYERS_H_
