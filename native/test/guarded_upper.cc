#include "test/guarded_upper.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/lease_file.h"
#include "core/sys_mount.h"
#include "core/sys_privilege.h"
#include "core/unique_fd.h"
#include "core/upper_guard.h"
#include "test/check.h"
#include "test/child.h"
#include "test/overlay_dirs.h"

using ovl::LeaseHolder;
using ovl::Result;
using ovl::UniqueFd;
using ovl::UpperGuard;

Result<UpperGuard> Acquire(const OverlayDirs& dirs, std::string_view upper, std::string_view work) {
  const UniqueFd upper_fd = dirs.Open(upper);
  const UniqueFd work_fd = dirs.Open(work);
  return UpperGuard::Acquire(upper_fd.get(), work_fd.get(), dirs.Path(upper), dirs.Path(work),
                             ovl::OwnMountPrivilege());
}

std::string Ask(const OverlayDirs& dirs, std::string_view upper, std::string_view work) {
  auto guard = Acquire(dirs, upper, work);
  return guard.ok() ? "free" : guard.failure().reason;
}

void CheckRefused(const Result<UpperGuard>& guard, const std::string& reason,
                  const std::string& path, const std::vector<std::string>& words) {
  if (!CHECK(!guard.ok())) return;
  CHECK_EQ(guard.failure().err, EBUSY);
  CHECK_EQ(std::string(guard.failure().reason), reason);
  CHECK_EQ(guard.failure().path, path);
  for (const std::string& word : words) {
    if (guard.failure().detail.find(word) == std::string::npos) {
      check::Fail(__FILE__, __LINE__, "\"" + guard.failure().detail + "\" does not name " + word);
    }
  }
}

LeaseHolder Holder(const std::string& target, const std::string& command) {
  auto holder = ovl::DescribeCaller();
  if (!CHECK(holder.ok())) return {};
  holder.value().command = command;
  holder.value().target = target;
  const UniqueFd place(target.empty() ? -1 : ::open(target.c_str(), O_PATH | O_CLOEXEC));
  auto identity = ovl::IdentifyMount(place.get());
  if (place && identity.ok() && identity.value().unique) {
    holder.value().mount_id = identity.value().id;
  }
  return std::move(holder.value());
}

std::optional<LeaseHolder> Lease(const OverlayDirs& dirs, std::string_view work) {
  const UniqueFd fd = dirs.Open(work);
  auto lease = ovl::ReadLease(fd.get());
  CHECK(lease.ok());
  return lease.ok() ? std::move(lease.value()) : std::nullopt;
}

bool NotRoot() {
  if (::geteuid() == 0) return false;
  check::Skip("needs root");
  return true;
}

std::optional<UpperGuard> MountGuarded(const OverlayDirs& dirs, const Child& child,
                                       const std::string& options) {
  auto guard = Acquire(dirs);
  if (!guard.ok()) {
    child.Say(guard.failure().reason);
    return std::nullopt;
  }
  const bool mounted = dirs.Mount("upper", "work", "merged", options) == 0 &&
                       guard.value().Record(Holder(dirs.Path("merged"), "the mounter")).ok();
  child.Say(mounted ? "mounted" : "failed");
  return std::move(guard.value());
}
