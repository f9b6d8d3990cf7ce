// Why the kernel refused an overlay, found out afterwards: it answers with a bare EINVAL or ELOOP
// and writes the reason to the kernel log, which an ordinary program cannot read.
#ifndef OVL_CORE_OVERLAY_DIAGNOSIS_H_
#define OVL_CORE_OVERLAY_DIAGNOSIS_H_

#include <string>

#include "core/overlay_options.h"
#include "core/result.h"

namespace ovl {

// Adds the reason, and the path it lies in, to a failure of mount(2).
Failure Diagnose(Failure failure, const OverlayOptions& options, const std::string& target);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_DIAGNOSIS_H_
