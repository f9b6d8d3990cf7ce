// Why the kernel refused an overlay, found out afterwards: it answers with a bare EINVAL or ELOOP
// and writes the reason to the kernel log, which an ordinary program cannot read.
#ifndef OVL_CORE_OVERLAY_EXPLANATION_H_
#define OVL_CORE_OVERLAY_EXPLANATION_H_

#include <string>
#include <vector>

#include "core/overlay_spec.h"
#include "core/result.h"

namespace ovl {

// Adds the reason, and the path it lies in, to the failure of a call that was to make the overlay.
// The error number and the call stay those of the kernel. `log` is that of the filesystem context;
// it is empty for everything that is found when the superblock is made, and with mount(2).
Failure ExplainRefusal(Failure failure, const OverlaySpec& spec, std::vector<std::string> log);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_EXPLANATION_H_
