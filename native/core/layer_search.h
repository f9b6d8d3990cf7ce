// The search for one name, as it goes from layer to layer: what one layer has of it, and where that
// sends the search in the layers below.
#ifndef OVL_CORE_LAYER_SEARCH_H_
#define OVL_CORE_LAYER_SEARCH_H_

#include <string>

#include "core/entry_marks.h"
#include "core/layers.h"
#include "core/result.h"

namespace ovl {

struct LayerSearch {
  const Layers& layers;
  std::string name;  // relative to the directory at hand, or absolute from the layer's root
  bool directory = false;
  bool metacopy = false;
  bool stop = false;
  bool unknown = false;            // marks could not be read that may decide the search
  bool data_unknown = false;       // and such that may decide where the data is
  bool redirected = false;         // by the layer searched last
  bool absolute_redirect = false;  // an absolute one was met anywhere

  bool Absolute() const { return !name.empty() && name[0] == '/'; }

  // Puts a redirect of the component that `prefix` ends before and `rest` begins after into the
  // name that the layers below are searched for.
  Status Redirect(const std::string& value, const std::string& prefix, const std::string& rest,
                  const std::string& where);
};

struct LayerHit {
  bool found = false;
  bool directory = false;
  LayerEntry entry;
  XattrList xattrs;
  DirPtr dir;  // of a directory: itself
};

// The name in one layer: a single component of `base`, or an absolute path from the layer's root.
// A redirect met on the way rewrites the name for the layers below even if a later component is
// then missing here. `last_layer` spares what only matters to layers below.
Result<LayerHit> LookupLayer(LayerSearch& search, const DirPtr& base, bool last_layer);

}  // namespace ovl

#endif  // OVL_CORE_LAYER_SEARCH_H_
