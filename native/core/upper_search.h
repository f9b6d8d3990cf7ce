// Which visible overlay has a directory as its upper or workdir: by the mount tables, for those who
// cannot ask the kernel (upper_trial.h), and to say where the mount is.
#ifndef OVL_CORE_UPPER_SEARCH_H_
#define OVL_CORE_UPPER_SEARCH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/lease.h"
#include "core/result.h"
#include "core/upper_trial.h"

namespace ovl {

struct FoundOverlay {
  UseOfUpper use = UseOfUpper::kUpper;
  std::string target;     // relative to the root of `process`
  std::string process;    // a pid that has it in its mount namespace; empty: our own has it
  bool by_lease = false;  // it is the mount that the lease is about
};

// Looks into our own mount namespace, then into one process of every other one that /proc shows and
// lets us look into. `lease` is that of the workdir, of this boot.
//
// What cannot be seen: mount namespaces in which we may trace no process (those of other users, and
// of other user namespaces than ours and its descendants; see ptrace(2) on access modes), those
// whose processes our pid namespace or /proc (hidepid=) does not have, those that a descriptor
// alone keeps or that only a thread other than the first of a process is in; detached mounts and
// those that were unmounted lazily; and mounts whose table has a path to the layer that does not
// lead to it: it was relative, or has been renamed or covered since. The lease finds the last ones
// all the same, by the mount's id, if its mount point is where it was.
Result<std::optional<FoundOverlay>> FindOverlayOn(int upper, int work,
                                                  const std::optional<LeaseHolder>& lease);

}  // namespace ovl

#endif  // OVL_CORE_UPPER_SEARCH_H_
