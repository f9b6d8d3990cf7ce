// Work in a user and a mount namespace of its own, for a caller that may not mount.
#ifndef OVL_CORE_ROOTLESS_CHILD_H_
#define OVL_CORE_ROOTLESS_CHILD_H_

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Runs `work(argument)` in a short-lived child with new namespaces, in which the caller's user and
// group are themselves and may mount. The child is cloned directly: it shares our memory and our
// descriptors (nothing of a big heap is copied, what it opens is ours), and the calling thread is
// suspended until it ends, while other threads run on. So `work` may make raw system calls only:
// no allocation, no locks. It keeps its own account of what failed.
//
// Gives the user namespace, which stays for as long as it is open; no process lives in it. The
// mount namespace ends with the child: it would keep busy whatever was mounted at that moment.
//
// A failure names the link of the chain: clone, setgroups, uid_map, gid_map (as "open" or "write"
// of that file), with reason "userns-…" where a switch of this system is known to be the cause.
Result<UniqueFd> InRootlessChild(void (*work)(void*), void* argument);

// The same in a user namespace that is there already, with a new mount namespace.
Status InUserNamespaceOf(int user_namespace, void (*work)(void*), void* argument);

}  // namespace ovl

#endif  // OVL_CORE_ROOTLESS_CHILD_H_
