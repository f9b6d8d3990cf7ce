// A detached overlay, mounted by plain system calls, as root or in namespaces of its own.
#ifndef OVL_TEST_DETACHED_OVERLAY_H_
#define OVL_TEST_DETACHED_OVERLAY_H_

#include <string>

#include "core/unique_fd.h"

enum class Mounter { kRoot, kRootless };

// Of the directories lower, upper and work below one.
struct DetachedOverlay {
  ovl::UniqueFd mount;
  ovl::UniqueFd user_namespace;  // rootless only
};

// False where it failed, which is reported. `option` is a flag, or "key=value", or empty.
bool MountDetached(const std::string& base, Mounter mounter, DetachedOverlay& out,
                   const std::string& option = "");

// Runs `body` in a child that is an ordinary user with a copy of our descriptors, and gives its
// answer. Where this process is one already, nothing is cloned.
bool AsOrdinaryUser(bool (*body)(void*), void* argument);

// Its number.
inline constexpr unsigned kOrdinaryUser = 1000;

#endif  // OVL_TEST_DETACHED_OVERLAY_H_
