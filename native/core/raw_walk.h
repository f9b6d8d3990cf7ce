// Every name of one layer, unordered and unexamined: what getdents64(2) alone tells.
#ifndef OVL_CORE_RAW_WALK_H_
#define OVL_CORE_RAW_WALK_H_

#include <functional>
#include <vector>

#include "core/layer_dir.h"
#include "core/result.h"
#include "core/sys_dir.h"

namespace ovl {

class RawWalk {
 public:
  explicit RawWalk(DirPtr root);

  // Reads on by one call. `visit` sees the names it gave and the directory they are in; false at
  // the end. A directory that vanishes meanwhile has no names.
  Result<bool> Step(const std::function<void(const DirPtr&, const DirEntry&)>& visit);

 private:
  struct Frame {
    DirPtr dir;
    bool read = false;
    std::vector<DirPtr> below;
  };
  Status Read(Frame& frame, const std::function<void(const DirPtr&, const DirEntry&)>& visit);

  std::vector<Frame> frames_;
};

}  // namespace ovl

#endif  // OVL_CORE_RAW_WALK_H_
