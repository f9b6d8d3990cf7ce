// Which mounts an unmounting is to take off, and which of them can go next.
#ifndef OVL_CORE_UNMOUNT_PLAN_H_
#define OVL_CORE_UNMOUNT_PLAN_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "core/mount_table.h"
#include "core/result.h"

namespace ovl {

struct UnmountScope {
  bool any = false;        // whatever is mounted there, not overlays only
  bool recursive = false;  // also all that is mounted below
  bool all = false;        // also what is mounted under it, on the same place
};

// What goes with the mount `top`: what lies below it (of any kind, since it was asked for by the
// word), and what it was stacked on at the same place. Without `any` that ends at the first mount
// that is no overlay. The later in the table, the earlier here. Empty if `top` is not in the table.
std::vector<MountEntry> PlanUnmount(const std::vector<MountEntry>& table, uint64_t top,
                                    const UnmountScope& scope);

// Takes off what is left of a plan, step by step: a mount when nothing of the plan is mounted on it
// any more. `take` unmounts one mount; false if it is hidden by another one at the moment, which
// may be one that is still to go. Ends when nothing is left, when `take` fails, or when every mount
// that could go is hidden: then the plan holds what is left, and the answer is false.
Result<bool> RunPlan(std::vector<MountEntry>& plan,
                     const std::function<Result<bool>(const MountEntry&)>& take);

}  // namespace ovl

#endif  // OVL_CORE_UNMOUNT_PLAN_H_
