// The layers of one overlay, opened; or two plain directories to be compared.
#ifndef OVL_CORE_LAYERS_H_
#define OVL_CORE_LAYERS_H_

#include <cstdint>
#include <string>

#include "core/layer_dir.h"
#include "core/mark_reader.h"
#include "core/result.h"

namespace ovl {

// What is known of an index that keeps hard links together.
enum class IndexUse : uint8_t {
  kUnknown,  // nobody has said; where the upper shows that there was one it is an error to go on
  kOff,      // the mount has none
  kMarks,    // it is lost: what the upper's own marks say has to do
  kRead,     // Layers::index
};

struct Layers {
  DirPtr upper;          // null where two plain directories are compared
  DirStack lowers;       // top-most first; data-only layers follow the ordinary ones
  size_t data_only = 0;  // how many at the end of `lowers` hold nothing but data of metacopy files
  DirPtr index;          // the directory "index" of the workdir
  IndexUse index_use = IndexUse::kOff;
  bool indexed = false;  // hard links may be kept together by an index
  DirPtr plain;          // compared with lowers.front(), where there is no upper
  MarkReader marks = MarkReader::Decided(MarkerSpace::kTrusted);

  size_t ordinary() const { return lowers.size() - data_only; }
  // The root of what is there now: of the upper, or of the second plain directory.
  const DirPtr& now() const { return plain ? plain : upper; }
  // Everything opened anew: several walks may go over the same layers at once, in any thread.
  Result<Layers> Reopen() const;
  // With marks that share nothing with these: for another walk.
  Result<Layers> ReopenApart() const;
};

// EPERM with reason "trusted-unreadable" where the marks of a layer could not be told from absent
// ones: a reading of it would be wrong in silence.
Status CheckReadable(MarkerSpace space, const std::string& layer);

// Opens a directory as overlayfs does: without what is mounted below it (kernel: a layer is a
// private clone of one mount). Without the privilege for that, meeting such a mount is an error
// later on (EXDEV, reason "submount"), never a look into it.
Result<DirPtr> OpenLayer(const std::string& path, uint32_t number);

// A directory that is no layer, as it is: meeting a mount below it is an error for everybody.
Result<DirPtr> OpenPlainDirectory(const std::string& path, uint32_t number);

// A layer that is open already; `display` names it in messages.
Result<DirPtr> OpenLayerFd(int fd, uint32_t number, const std::string& display);

// The same of a layer that may never be read: the clone is made by the first Reopen, and until then
// the layer's own mount is kept busy.
Result<DirPtr> HoldLayerFd(int fd, uint32_t number, const std::string& display);

// The directory "index" of an open workdir. ENOENT where the workdir has none.
Result<DirPtr> OpenIndex(int work, const std::string& display);

}  // namespace ovl

#endif  // OVL_CORE_LAYERS_H_
