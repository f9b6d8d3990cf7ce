// The layers of one overlay, opened.
#ifndef OVL_CORE_LAYERS_H_
#define OVL_CORE_LAYERS_H_

#include <string>
#include <vector>

#include "core/layer_dir.h"
#include "core/markers.h"
#include "core/result.h"

namespace ovl {

struct Layers {
  DirPtr upper;
  DirStack lowers;       // top-most first; data-only layers follow the ordinary ones
  size_t data_only = 0;  // how many at the end of `lowers` hold nothing but data of metacopy files
  MarkerSpace space = MarkerSpace::kTrusted;

  size_t ordinary() const { return lowers.size() - data_only; }
};

// EPERM with reason "trusted-unreadable" where the marks of a layer could not be told from absent
// ones: a reading of it would be wrong in silence.
Status CheckReadable(MarkerSpace space, const std::string& layer);

// Opens a directory as overlayfs does: without what is mounted below it (kernel: a layer is a
// private clone of one mount). Without the privilege for that, meeting such a mount is an error
// later on (EXDEV, reason "submount"), never a look into it.
Result<DirPtr> OpenLayer(const std::string& path, uint32_t number);

// The same for a directory that is open already; `display` names it in messages.
Result<DirPtr> OpenLayerFd(int fd, uint32_t number, const std::string& display);

}  // namespace ovl

#endif  // OVL_CORE_LAYERS_H_
