#include "core/overlay_probe.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "core/finding.h"
#include "core/overlay_spec.h"
#include "core/privilege_check.h"
#include "core/raw_calls.h"
#include "core/sys_privilege.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

constexpr long kStatmount = 457;
constexpr long kListmount = 458;
constexpr long kOpenTreeAttr = 467;
constexpr unsigned kMoveMountBeneath = 0x200;
constexpr unsigned kFromAndToEmptyPath = 0x4 | 0x40;

// Of a call with arguments that no kernel takes. EPERM is a seccomp profile that does not know the
// number: the kernel looks at the arguments first.
Support FromRefusal(long result) {
  if (result >= 0) return Support::kYes;
  if (errno == ENOSYS || errno == EPERM) return Support::kNo;
  return Support::kYes;
}

// Flags are looked at before descriptors, and privileges before both.
Support AskForBeneath() {
  constexpr unsigned kFlags = kMoveMountBeneath | kFromAndToEmptyPath;
  if (raw::MoveMount(-1, "", -1, "", kFlags) == 0) return Support::kUnknown;
  if (errno == EBADF) return Support::kYes;
  return errno == EINVAL || errno == ENOSYS ? Support::kNo : Support::kUnknown;
}

bool IsRegistered() {
  const UniqueFd fd(::open("/proc/filesystems", O_RDONLY | O_CLOEXEC));
  std::string text(16 * 1024, '\0');
  const ssize_t n = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (n <= 0) return false;
  text.resize(static_cast<size_t>(n));
  return text.find("\toverlay\n") != std::string::npos;
}

}  // namespace

OverlayProbe ProbeOverlay() {
  OverlayProbe probe;
  probe.privileges.sys_admin = HasSysAdmin();
  probe.privileges.user_namespace = InUserNamespace();
  probe.privileges.owns_mount_namespace = OwnsMountNamespace();
  probe.privileges.open_by_handle = CanOpenByHandle();
  OverlaySpec attached;
  attached.target = "/";  // any
  if (auto missing = FindMissingPrivilege(attached)) {
    probe.mounting = AsFailure(std::move(*missing), "mount");
    probe.mounting->dest.clear();
  }
  probe.answers = AskKernel();
  auto rootless = TryRootless();
  if (!rootless.ok()) {
    probe.rootless = std::move(rootless.failure());
  } else if (probe.answers.fsopen == Support::kUnknown) {
    probe.answers = rootless.value();
  }
  probe.registered = IsRegistered();  // now: asking has loaded the module
  probe.statmount = FromRefusal(::syscall(kStatmount, nullptr, nullptr, 0, 0));
  probe.listmount = FromRefusal(::syscall(kListmount, nullptr, nullptr, 0, 0));
  probe.open_tree_attr = FromRefusal(::syscall(kOpenTreeAttr, -1, "", 0, nullptr, 0));
  probe.mount_beneath = AskForBeneath();
  return probe;
}

}  // namespace ovl
