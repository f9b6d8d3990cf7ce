// A lower on its way into an overlay.
#ifndef OVL_CORE_OPENED_LOWER_H_
#define OVL_CORE_OPENED_LOWER_H_

#include <string>

#include "core/overlay_plan.h"
#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

struct OpenedLower {
  // `in_child`: the overlay is made in another mount namespace, where a descriptor of an attached
  // mount is no layer. What leads to the same directory by name is opened there anew; a detached
  // mount goes as it is.
  static Result<OpenedLower> Open(const LayerSpec& layer, bool in_child);

  UniqueFd idmapped;  // a detached mount, for as long as the overlay is being made
  UniqueFd fd;        // for reading
  PlannedLayer planned;
  std::string shown;  // in messages, and more or less in the table of mounts
};

}  // namespace ovl

#endif  // OVL_CORE_OPENED_LOWER_H_
