// Taking an upper as a mount does, in tests: who is refused, and what the lease says.
#ifndef OVL_TEST_GUARDED_UPPER_H_
#define OVL_TEST_GUARDED_UPPER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/lease.h"
#include "core/result.h"
#include "core/upper_guard.h"
#include "test/child.h"
#include "test/overlay_dirs.h"

ovl::Result<ovl::UpperGuard> Acquire(const OverlayDirs& dirs, std::string_view upper = "upper",
                                     std::string_view work = "work");

// "free", or the reason of the refusal. What is asked is not kept.
std::string Ask(const OverlayDirs& dirs, std::string_view upper = "upper",
                std::string_view work = "work");

// The refusal names what is in use and, in its detail, all of `words`.
void CheckRefused(const ovl::Result<ovl::UpperGuard>& guard, const std::string& reason,
                  const std::string& path, const std::vector<std::string>& words);

ovl::LeaseHolder Holder(const std::string& target, const std::string& command);
std::optional<ovl::LeaseHolder> Lease(const OverlayDirs& dirs, std::string_view work = "work");

// In a child: takes the upper, mounts, records, and says how that went.
std::optional<ovl::UpperGuard> MountGuarded(const OverlayDirs& dirs, const Child& child,
                                            const std::string& options = "");

bool NotRoot();

#endif  // OVL_TEST_GUARDED_UPPER_H_
