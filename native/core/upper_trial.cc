#include "core/upper_trial.h"

#include <string>
#include <utility>

#include "core/sys_fs_context.h"
#include "core/sys_handle.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

// Of the thread: that of the process is the table of its first thread, which may have ended.
std::string ProcPath(int fd) { return "/proc/thread-self/fd/" + std::to_string(fd); }

// True if one of two directories is in use, nothing if the kernel had another objection (ELOOP
// where one lies in the other): that says neither.
std::optional<bool> IsInUse(int a, int b) {
  auto fs = Fsopen("overlay");
  if (!fs.ok()) return std::nullopt;
  const int context = fs.value().get();
  // One text with both: every kernel takes it, while lowerdir+ and descriptors are 6.5 and 6.13.
  if (!FsconfigString(context, "lowerdir", ProcPath(a) + ":" + ProcPath(b)).ok() ||
      !FsconfigString(context, "nfs_export", "on").ok() ||
      !FsconfigString(context, "redirect_dir", "nofollow").ok()) {
    return std::nullopt;
  }
  const Status created = FsconfigCreate(context);
  if (created.ok()) return false;
  if (created.failure().err == EBUSY) return true;
  return std::nullopt;
}

Result<UniqueFd> EmptyDirectory() {
  auto fs = Fsopen("tmpfs");
  if (!fs.ok()) return fs;
  auto created = FsconfigCreate(fs.value().get());
  if (!created.ok()) return std::move(created.failure());
  return Fsmount(fs.value().get(), 0);
}

}  // namespace

std::optional<UseOfUpper> AskKernel(int upper, int work, const MountPrivilege& own) {
  if (!own.keeps_index) return std::nullopt;
  auto handle = HandleAt(upper, ".");
  if (!handle.ok() || !handle.value()) return std::nullopt;
  const std::optional<bool> in_use = IsInUse(upper, work);
  if (!in_use) return std::nullopt;
  if (!*in_use) return UseOfUpper::kFree;
  auto empty = EmptyDirectory();
  const bool only_work = empty.ok() && IsInUse(upper, empty.value().get()) == false;
  return only_work ? UseOfUpper::kWork : UseOfUpper::kUpper;
}

}  // namespace ovl
