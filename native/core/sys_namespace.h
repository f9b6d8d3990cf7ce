// Work with a working directory, or a mount namespace, that only one thread sees.
#ifndef OVL_CORE_SYS_NAMESPACE_H_
#define OVL_CORE_SYS_NAMESPACE_H_

#include <functional>

#include "core/result.h"

namespace ovl {

// Runs `work` in a thread whose root and working directory are its own (unshare(2) with CLONE_FS),
// and waits.
Status InThreadOfItsOwn(const std::function<Status()>& work);

// Runs `work` in a thread of its own with a private copy of the mount namespace (unshare(2) with
// CLONE_NEWNS; nothing propagates out of it), and waits. The copy ends with the thread; descriptors
// opened there live on. Needs CAP_SYS_ADMIN.
Status InPrivateMountNamespace(const std::function<Status()>& work);

}  // namespace ovl

#endif  // OVL_CORE_SYS_NAMESPACE_H_
