// The filesystems that the lowers of an overlay lie on. A file handle means something on its own
// only, and on another one it may be that of another file.
#ifndef OVL_CORE_LAYER_FILESYSTEMS_H_
#define OVL_CORE_LAYER_FILESYSTEMS_H_

#include <sys/types.h>

#include <map>
#include <string>

#include "core/entry_marks.h"
#include "core/layers.h"
#include "core/result.h"

namespace ovl {

class LayerFilesystems {
 public:
  explicit LayerFilesystems(const DirStack& lowers);

  // Whether a handle recorded with that UUID can be of a file like `entry`. Where either has no
  // UUID (mount option uuid=off, kernels before 6.9, some filesystems) only if all lowers are on
  // one device.
  Result<bool> May(const std::string& uuid, const LayerEntry& entry);

  // Whether one is not told from another.
  bool Confused(const std::string& uuid) const;

 private:
  Result<std::string> UuidOf(const LayerEntry& entry);
  bool single_ = true;
  std::map<dev_t, std::string> uuids_;
};

}  // namespace ovl

#endif  // OVL_CORE_LAYER_FILESYSTEMS_H_
