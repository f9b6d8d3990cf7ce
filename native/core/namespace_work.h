// Work in a user namespace, with all rights over the ids that are mapped in it, for more than raw
// system calls.
#ifndef OVL_CORE_NAMESPACE_WORK_H_
#define OVL_CORE_NAMESPACE_WORK_H_

#include <functional>

#include "core/result.h"

namespace ovl {

// Runs `work` in a copy of this process (fork(2): a big heap takes milliseconds) that has joined
// the user namespace, has no descriptors of ours, and ends with us. What it opens and allocates is
// its own; all that comes back is its outcome. EINTR with reason "child-killed" where it was
// killed.
Status WorkInUserNamespace(int user_namespace, const std::function<Status()>& work);

}  // namespace ovl

#endif  // OVL_CORE_NAMESPACE_WORK_H_
