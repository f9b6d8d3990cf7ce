#include "core/view_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/raw_calls.h"
#include "core/view_isolation.h"

namespace ovl {

namespace {

using raw::kCloneTree;
using raw::kFromEmptyPath;

bool IsRoot(const char* path) { return path[0] == '/' && path[1] == '\0'; }

// A copy of the caller's mount namespace, with what is mounted now.
bool Unshare(ViewFault& fault) {
  return fault.Did(ViewStep::kUnshare, ::unshare(CLONE_NEWNS) == 0);
}

// Attaching uses a mount up, so it is a copy that is attached.
bool CopyOverlays(const ViewMounts& view, ViewFault& fault) {
  for (size_t i = 0; i < view.count; ++i) {
    ViewMount& each = view.mounts[i];
    if (each.mount < 0) continue;
    each.copy = raw::OpenTree(each.mount, "", kCloneTree | AT_EMPTY_PATH | O_CLOEXEC);
    fault.mount = i;
    if (!fault.Did(ViewStep::kCopy, each.copy >= 0)) return false;
  }
  return true;
}

// Copying takes CAP_SYS_ADMIN over the own mount namespace, which who has joined the user namespace
// has only over one that he made himself. Elsewhere the copy comes first: an overlay that was
// attached meanwhile may be copied in the namespace it is attached in, and not in a copy of that.
bool CopyIntoOwnNamespace(const ViewMounts& view, ViewFault& fault) {
  if (view.user_namespace >= 0) {
    if (!view.joined && !JoinUserNamespace(view, fault)) return false;
    return Unshare(fault) && CopyOverlays(view, fault);
  }
  return CopyOverlays(view, fault) && Unshare(fault);
}

// Before anything covers it.
bool CopyCarried(const ViewMounts& view, ViewFault& fault) {
  for (size_t i = 0; i < view.count; ++i) {
    ViewMount& each = view.mounts[i];
    if (each.mount != kViewCarried) continue;
    each.copy = raw::OpenTree(AT_FDCWD, each.at, kCloneTree | O_CLOEXEC);
    fault.mount = i;
    if (!fault.Did(ViewStep::kCarry, each.copy >= 0)) return false;
  }
  return true;
}

bool AttachOverlay(const ViewMount& mount, ViewFault& fault) {
  const bool attached = raw::MoveMount(mount.copy, "", AT_FDCWD, mount.at, kFromEmptyPath) == 0;
  if (!fault.Did(ViewStep::kAttach, attached)) return false;
  if (!IsRoot(mount.at)) return true;
  // A root directory stays what it is when something is mounted over it.
  return fault.Did(ViewStep::kEnterDirectory, ::fchdir(mount.copy) == 0) &&
         fault.Did(ViewStep::kEnter, ::chroot(".") == 0);
}

bool Attach(ViewMount& mount, ViewFault& fault) {
  switch (mount.mount) {
    case kViewEmpty:
      return MountEmpty(mount.at, fault);
    case kViewDirectory:
      return MakeDirectory(mount.at, fault);
    case kViewHidden:
      return HidePath(mount.at, fault);
    case kViewHollow:
      return MountHollow(mount.at, fault);
    case kViewReadOnly:
      return MakeReadOnly(mount.at, fault);
    case kViewProc:
      return MountProc(mount.at, mount.copy, fault);
    case kViewNamed:
      return CheckNamed(mount.at, fault);
    default:
      return AttachOverlay(mount, fault);
  }
}

}  // namespace

bool JoinUserNamespace(const ViewMounts& view, ViewFault& fault) {
  return fault.Did(ViewStep::kJoin, ::setns(view.user_namespace, CLONE_NEWUSER) == 0);
}

bool EnterView(const ViewMounts& view, ViewFault& fault) {
  if (!CopyIntoOwnNamespace(view, fault)) return false;
  // Nothing gets out of the namespace, but unmounting outside gets in: as private mounts, what
  // others unmount would stay in use here for as long as the program runs.
  const bool slave = ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
  if (!fault.Did(ViewStep::kPropagation, slave)) return false;
  if (!CopyCarried(view, fault)) return false;
  for (size_t i = 0; i < view.count; ++i) {
    fault.mount = i;
    if (!Attach(view.mounts[i], fault)) return false;
  }
  fault.mount = view.count;  // what follows is about none of them
  return view.network || LeaveNetwork(fault);
}

}  // namespace ovl
