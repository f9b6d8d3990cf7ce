// Whether an overlay can be made without privileges: by making one.
#ifndef OVL_CORE_ROOTLESS_PROBE_H_
#define OVL_CORE_ROOTLESS_PROBE_H_

#include <array>
#include <cstddef>

#include "core/kernel_support.h"
#include "core/result.h"

namespace ovl {

// The options whose release matters; the oldest are known to all kernels that mount rootless.
inline constexpr std::array<const char*, 8> kProbedOptions = {
    "lowerdir+", "datadir+", "uuid", "verity", "userxattr", "volatile", "fsync", "override_creds"};

// What the kernel says about itself (kernel_support.h).
struct KernelAnswers {
  Support fsopen = Support::kUnknown;
  Support layer_descriptors = Support::kUnknown;
  std::array<Support, kProbedOptions.size()> options{};
};

// Asked by this thread: unknown where it may not.
KernelAnswers AskKernel();

// The whole chain, since each link can be forbidden alone: a child with user and mount namespaces
// of its own, the maps of its ids, a tmpfs, and on that a detached overlay. Nothing of it stays. On
// the way the child asks what AskKernel() asks. The failure names the link by its call, and the
// switch of the system that is to blame as reason "userns-…" with the name of the switch as detail.
Result<KernelAnswers> TryRootless();

}  // namespace ovl

#endif  // OVL_CORE_ROOTLESS_PROBE_H_
