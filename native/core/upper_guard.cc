#include "core/upper_guard.h"

#include <fcntl.h>

#include <mutex>
#include <utility>
#include <vector>

#include "core/holder_text.h"
#include "core/own_descriptors.h"
#include "core/patience.h"
#include "core/sys_file.h"
#include "core/sys_lock.h"
#include "core/upper_search.h"
#include "core/upper_trial.h"

namespace ovl {

namespace {

Result<UniqueFd> OpenAgain(int dir, const std::string& path) {
  UniqueFd fd(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Errno("openat", path);
  return fd;
}

// Others that ask have the lock for a moment as well, and so does who releases.
Result<bool> LockPatiently(int fd, const std::string& path) {
  Patience patience;
  for (;;) {
    auto locked = TryLock(fd);
    if (!locked.ok()) {
      locked.failure().path = path;
      return std::move(locked.failure());
    }
    if (locked.value() || !patience.Another()) return locked.value();
  }
}

// The lease of a holder that may be alive: after a restart of the system nothing of it is left.
std::optional<LeaseHolder> LeaseOfThisBoot(int work) {
  auto lease = ReadLease(work);
  auto boot = BootId();
  // A lease that cannot be read names nobody; what is in use is found out by other means.
  if (!lease.ok() || !boot.ok() || !lease.value()) return std::nullopt;
  if (lease.value()->boot_id != boot.value()) return std::nullopt;
  return std::move(lease.value());
}

bool SameDirectory(int a, int b) {
  auto first = StatFd(a);
  auto second = StatFd(b);
  return first.ok() && second.ok() && first.value().st_dev == second.value().st_dev &&
         first.value().st_ino == second.value().st_ino;
}

Failure InUse(UseOfUpper use, const std::string& upper_path, const std::string& work_path,
              std::string who) {
  const bool upper = use == UseOfUpper::kUpper;
  Failure failure = upper ? Refusal(EBUSY, "mount", "upper-in-use", upper_path)
                          : Refusal(EBUSY, "mount", "work-in-use", work_path);
  failure.detail = std::move(who);
  return failure;
}

}  // namespace

UpperGuard& UpperGuard::operator=(UpperGuard&& other) noexcept {
  // What was held here goes when `other` does.
  std::swap(upper_, other.upper_);
  std::swap(work_, other.work_);
  std::swap(draft_, other.draft_);
  std::swap(work_path_, other.work_path_);
  std::swap(lease_, other.lease_);
  std::swap(kernel_knows_, other.kernel_knows_);
  return *this;
}

UpperGuard::~UpperGuard() {
  if (draft_) DropLeaseDraft(work_.get());
}

Result<UpperGuard> UpperGuard::Lock(int upper, int work, const std::string& upper_path,
                                    const std::string& work_path) {
  auto upper_fd = OpenAgain(upper, upper_path);
  if (!upper_fd.ok()) return std::move(upper_fd.failure());
  auto work_fd = OpenAgain(work, work_path);
  if (!work_fd.ok()) return std::move(work_fd.failure());
  UpperGuard guard(std::move(upper_fd.value()), std::move(work_fd.value()), work_path);
  upper = guard.upper_.get();
  work = guard.work_.get();
  const auto locked_by_other = [&](int fd, UseOfUpper use) {
    return InUse(use, upper_path, work_path, LockHolderText(LockHolder(fd), LeaseOfThisBoot(work)));
  };

  auto locked = LockPatiently(upper, upper_path);
  if (!locked.ok()) return std::move(locked.failure());
  if (!locked.value()) return locked_by_other(upper, UseOfUpper::kUpper);
  locked = LockPatiently(work, work_path);
  if (!locked.ok()) return std::move(locked.failure());
  // One directory as both is locked by ourselves. The kernel refuses it, and says so better.
  if (!locked.value() && !SameDirectory(upper, work)) {
    return locked_by_other(work, UseOfUpper::kWork);
  }
  return guard;
}

Result<UpperGuard> UpperGuard::Acquire(int upper, int work, const std::string& upper_path,
                                       const std::string& work_path, const MountPrivilege& own) {
  ReleaseParkedGuards();
  auto held = Lock(upper, work, upper_path, work_path);
  if (!held.ok()) return held;
  UpperGuard guard = std::move(held.value());
  upper = guard.upper_.get();
  work = guard.work_.get();
  Patience patience;
  for (;;) {
    const std::optional<UseOfUpper> answer = AskKernel(upper, work, own);
    guard.kernel_knows_ = answer.has_value();
    if (answer == UseOfUpper::kFree) break;
    const std::optional<LeaseHolder> lease = LeaseOfThisBoot(work);
    auto found = FindOverlayOn(upper, work, lease);
    if (!answer) {
      if (!found.ok()) return std::move(found.failure());
      if (!found.value()) break;
      const UseOfUpper use = found.value()->use;
      return InUse(use, upper_path, work_path, MountHolderText(found.value(), lease));
    }
    // It is in use whether it can be found or not.
    if (!found.ok()) found = std::optional<FoundOverlay>();
    const bool before_our_eyes = found.value() && found.value()->process.empty();
    // What we cannot see in our own namespace may be unmounted and in use only through the copy
    // that somebody has just made of that namespace (unshare(1), a container that starts).
    if (before_our_eyes || !patience.Another()) {
      return InUse(*answer, upper_path, work_path, MountHolderText(found.value(), lease));
    }
  }
  return guard;
}

Failure UpperGuard::InWork(Failure failure) const {
  failure.path = work_path_ + "/" + failure.path;
  if (!failure.dest.empty()) failure.dest = work_path_ + "/" + failure.dest;
  return failure;
}

Status UpperGuard::DraftLease() {
  auto draft = ovl::DraftLease(work_.get());
  if (!draft.ok()) return InWork(std::move(draft.failure()));
  draft_ = std::move(draft.value());
  return Done{};
}

Status UpperGuard::Record(const LeaseHolder& holder) {
  if (!draft_) {
    auto drafted = DraftLease();
    if (!drafted.ok()) return drafted;
  }
  auto published = PublishLease(work_.get(), draft_.get(), holder);
  if (!published.ok()) return InWork(std::move(published.failure()));
  draft_.Reset();
  lease_ = published.value();
  return Done{};
}

void UpperGuard::LeaveToKernel() {
  if (!kernel_knows_) return;
  upper_.Reset();
  // Fails for no descriptor that was locked; and then it stays locked until it is closed.
  (void)Unlock(work_.get());
}

void UpperGuard::Release() {
  if (draft_) DropLeaseDraft(work_.get());
  if (lease_) RemoveLease(work_.get(), *lease_);
  draft_.Reset();
  lease_.reset();
  upper_.Reset();
  work_.Reset();
}

namespace {

struct Parked {
  UpperGuard guard;
  uint64_t mount_id;
};

// Never destroyed: a worker may still close something while the process ends.
std::mutex& ParkingLock() {
  static std::mutex& lock = *new std::mutex;
  return lock;
}

std::vector<Parked>& Parking() {
  static std::vector<Parked>& parking = *new std::vector<Parked>;
  return parking;
}

}  // namespace

void ParkGuard(UpperGuard guard, uint64_t mount_id) {
  const std::lock_guard lock(ParkingLock());
  Parking().push_back(Parked{std::move(guard), mount_id});
}

void ReleaseParkedGuards() {
  const std::lock_guard lock(ParkingLock());
  std::erase_if(Parking(), [](Parked& parked) {
    if (HoldsMount(parked.mount_id)) return false;
    parked.guard.Release();
    return true;
  });
}

Status CheckUpperFree(const std::string& upper, const std::string& work) {
  auto upper_fd = OpenDirectory(upper);
  auto work_fd = OpenDirectory(work);
  for (const auto* each : {&upper_fd, &work_fd}) {
    if (each->ok()) continue;
    if (each->failure().err == EACCES) return Done{};
    return each->failure();
  }
  auto guard = UpperGuard::Acquire(upper_fd.value().get(), work_fd.value().get(), upper, work,
                                   OwnMountPrivilege());
  if (!guard.ok()) return std::move(guard.failure());
  guard.value().Release();
  return Done{};
}

}  // namespace ovl
