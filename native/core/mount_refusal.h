// Why the kernel refused one of the calls of mount_calls.h, found out by looking at what is mounted
// there. It says EINVAL for most of it, and gives no message.
#ifndef OVL_CORE_MOUNT_REFUSAL_H_
#define OVL_CORE_MOUNT_REFUSAL_H_

#include "core/result.h"

namespace ovl {

// The descriptors are those of the call. A failure whose cause is known or not found stays as it
// is.
Failure ExplainBind(Failure failure, int source, int target, bool recursive);
Failure ExplainTmpfs(Failure failure, bool owner_given);
Failure ExplainMove(Failure failure, int source, int target, bool beneath);
// Of a mount that is in no table yet.
Failure ExplainBeneath(Failure failure, int target);
Failure ExplainChange(Failure failure, int target);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_REFUSAL_H_
