// What is taken away from a program in its view: paths, the right to write, the network, the
// processes of others. Raw system calls only, as in view_mounts.h, in the namespaces of the view.
#ifndef OVL_CORE_VIEW_ISOLATION_H_
#define OVL_CORE_VIEW_ISOLATION_H_

#include "core/view_step.h"

namespace ovl {

// Paths are absolute, and no symbolic link may be on the way (ELOOP): what it leads to was not
// named.

// Nothing but that.
bool CheckNamed(const char* at, ViewFault& fault);

// An empty directory in memory that everybody may write to.
bool MountEmpty(const char* at, ViewFault& fault);

// The same for nobody to write to, once it has been made read-only: until then there is time to
// make directories in it.
bool MountHollow(const char* at, ViewFault& fault);

// Instead of a directory an empty one, and instead of anything else an empty file. Neither can be
// written to.
bool HidePath(const char* at, ViewFault& fault);

// With everything that is mounted below.
bool MakeReadOnly(const char* at, ViewFault& fault);

// Whether it was there or not.
bool MakeDirectory(const char* at, ViewFault& fault);

// The processes of the caller's own pid namespace, and a descriptor of it.
bool MountProc(const char* at, int& opened, ViewFault& fault);

// A network namespace with nothing in it but the loopback device, which is up.
bool LeaveNetwork(ViewFault& fault);

}  // namespace ovl

#endif  // OVL_CORE_VIEW_ISOLATION_H_
