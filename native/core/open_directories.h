// Which directories of a walk keep their descriptors: those that were of use last.
#ifndef OVL_CORE_OPEN_DIRECTORIES_H_
#define OVL_CORE_OPEN_DIRECTORIES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/layer_dir.h"

namespace ovl {

class OpenDirectories {
 public:
  // It is of use now. Closes others where there are too many.
  void Use(const DirPtr& dir);

 private:
  struct Kept {
    std::weak_ptr<LayerDir> dir;
    uint64_t when;  // as of the last time that there was no room
  };
  void Keep(const DirPtr& dir);
  void MakeRoom();

  std::vector<Kept> kept_;
  uint64_t clock_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_OPEN_DIRECTORIES_H_
