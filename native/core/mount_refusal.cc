#include "core/mount_refusal.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mount_table.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

using Table = std::vector<MountEntry>;

const MountEntry* FindMount(const Table& table, uint64_t id) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const MountEntry& entry) { return entry.id == id; });
  return found == table.end() ? nullptr : &*found;
}

const MountEntry* MountOf(const Table& table, int fd) {
  auto id = TableMountId(fd);
  return id.ok() ? FindMount(table, id.value()) : nullptr;
}

bool IsShared(const MountEntry* entry) {
  return entry != nullptr && entry->propagation.peer_group != 0;
}

bool IsUnbindable(const MountEntry& entry) { return entry.propagation.unbindable; }

bool IsMountRoot(int fd) {
  auto identity = IdentifyMount(fd);
  return identity.ok() && identity.value().root;
}

bool IsDirectory(int fd) {
  auto st = StatFd(fd);
  return st.ok() && S_ISDIR(st.value().st_mode);
}

bool HasChildren(const Table& table, const MountEntry& mount) {
  return std::any_of(table.begin(), table.end(),
                     [&](const MountEntry& entry) { return entry.parent == mount.id; });
}

// Only in a user namespace are mounts locked; of one mount that cannot be asked.
bool MayBeLocked() { return !CanReadTrustedXattrs(); }

const char* NotPermitted(const Failure& failure) {
  const std::string_view call = failure.call;
  if (!HasSysAdmin()) return "no-privilege";
  if (!OwnsMountNamespace()) return "foreign-mount-namespace";
  if (call != "mount" && !HaveMountCalls()) return "no-mount-calls";
  // mount(2) is refused with this number only when it is to change a mount.
  const bool changing = call == "mount_setattr" || call == "mount";
  return changing && MayBeLocked() ? "locked-attributes" : "";
}

Failure Because(Failure failure, const char* reason) {
  if (*failure.reason == '\0') failure.reason = reason;
  return failure;
}

// What the error number means for every one of these calls.
Failure ExplainAny(Failure failure) {
  const char* reason = "";
  if (failure.err == EPERM) reason = NotPermitted(failure);
  if (failure.err == ENOSYS) reason = "no-mount-calls";
  if (failure.err == ENOSPC) reason = "too-many-mounts";
  // The places were there: what mount(2) misses is their names in /proc.
  if (failure.err == ENOENT && !OpenPath("/proc/self/fd").ok()) reason = "no-proc";
  return Because(std::move(failure), reason);
}

const char* BindInvalid(int source, int target, bool recursive) {
  auto table = ReadMountTable();
  if (!table.ok()) return "";
  const MountEntry* mount = MountOf(table.value(), source);
  if (mount == nullptr) return "source-elsewhere";
  if (MountOf(table.value(), target) == nullptr) return "target-elsewhere";
  if (IsUnbindable(*mount)) return "source-unbindable";
  if (!recursive && MayBeLocked() && HasChildren(table.value(), *mount)) return "locked-below";
  return "";
}

const char* BeneathInvalid(const MountEntry& top, int target) {
  if (!IsMountRoot(target)) return "beneath-nothing";
  return top.target == "/" ? "beneath-root" : "";
}

const char* MoveInvalid(int err, int source, int target, bool beneath) {
  auto table = ReadMountTable();
  if (!table.ok()) return "";
  if (!IsMountRoot(source)) return "move-no-mount";
  const MountEntry* mount = MountOf(table.value(), source);
  if (mount == nullptr) return "source-elsewhere";
  const MountEntry* there = MountOf(table.value(), target);
  if (there == nullptr) return "target-elsewhere";
  if (mount->target == "/") return "move-root";
  if (err == ELOOP) return "move-into-itself";
  if (IsDirectory(source) != IsDirectory(target)) {
    return IsDirectory(source) ? "directory-on-file" : "file-on-directory";
  }
  if (IsShared(FindMount(table.value(), mount->parent))) return "move-shared-parent";
  if (beneath) {
    const char* reason = BeneathInvalid(*there, target);
    if (*reason != '\0') return reason;
  }
  if (IsShared(there) && IsUnbindable(*mount)) return "move-unbindable-to-shared";
  return MayBeLocked() ? "move-locked" : "";
}

}  // namespace

Failure ExplainBind(Failure failure, int source, int target, bool recursive) {
  if (failure.err == EBUSY) return Because(std::move(failure), "open-for-writing");
  if (failure.err != EINVAL) return ExplainAny(std::move(failure));
  return Because(std::move(failure), BindInvalid(source, target, recursive));
}

Failure ExplainTmpfs(Failure failure, bool owner_given) {
  if (failure.err != EINVAL) return ExplainAny(std::move(failure));
  // All other values are such as tmpfs takes.
  return Because(std::move(failure), owner_given && MayBeLocked() ? "id-unmapped" : "");
}

Failure ExplainMove(Failure failure, int source, int target, bool beneath) {
  if (failure.err != EINVAL && failure.err != ELOOP) return ExplainAny(std::move(failure));
  const char* reason = MoveInvalid(failure.err, source, target, beneath);
  return Because(std::move(failure), reason);
}

Failure ExplainBeneath(Failure failure, int target) {
  if (!HaveMoveBeneath()) return Because(std::move(failure), "no-beneath");
  auto table = ReadMountTable();
  if (!table.ok()) return failure;
  const MountEntry* top = MountOf(table.value(), target);
  return top == nullptr ? failure : Because(std::move(failure), BeneathInvalid(*top, target));
}

Failure ExplainChange(Failure failure, int target) {
  if (failure.err == EBUSY) return Because(std::move(failure), "open-for-writing");
  if (failure.err != EINVAL) return ExplainAny(std::move(failure));
  return Because(std::move(failure), IsMountRoot(target) ? "" : "not-mounted");
}

}  // namespace ovl
