// One upper, one mount. By the kernel's defaults a second overlay on an upper or workdir that is in
// use is mounted, with a warning in the log, and both corrupt it.
//
// Three things are asked, in this order:
//
// 1. A lock, flock(2) on the upper and on the workdir themselves: they are the same files under
//    every path, and in every namespace and container. It decides between those who mount at the
//    same time. Where the kernel can be asked (2.) and the mount is attached it is let go of as
//    soon as the mount is made: it would only outlive it, if others unmount. Else it is held for as
//    long as the resource lives, for it is what an ordinary user's next mount is stopped by.
// 2. The kernel (upper_trial.h), as root. Its answer is final.
// 3. Without that privilege, the mount tables that can be seen, with the help of the lease
//    (upper_search.h, which says what cannot be seen).
//
// The lease (lease.h) is a file in the workdir that says who. It never decides on its own: it is
// left by holders that died, and it lies where others can write.
#ifndef OVL_CORE_UPPER_GUARD_H_
#define OVL_CORE_UPPER_GUARD_H_

#include <optional>
#include <string>

#include "core/lease.h"
#include "core/lease_file.h"
#include "core/result.h"
#include "core/sys_privilege.h"
#include "core/unique_fd.h"

namespace ovl {

class UpperGuard {
 public:
  // EBUSY with reason "upper-in-use" or "work-in-use" and who it is in `detail`. A lock that others
  // have is waited for (45 ms), since those who only ask have it for a moment as well; so is an
  // upper that the kernel has in use, but for no mount of our namespace. The descriptors may be
  // O_PATH and are not kept; the paths are for messages.
  static Result<UpperGuard> Acquire(int upper, int work, const std::string& upper_path,
                                    const std::string& work_path, const MountPrivilege& own);

  // The lock alone, of directories that have just been made: nobody can have an overlay on them.
  static Result<UpperGuard> Lock(int upper, int work, const std::string& upper_path,
                                 const std::string& work_path);

  UpperGuard(UpperGuard&&) = default;
  UpperGuard& operator=(UpperGuard&& other) noexcept;
  UpperGuard(const UpperGuard&) = delete;
  UpperGuard& operator=(const UpperGuard&) = delete;
  // Lets go of the lock. The lease stays: the mount may outlive us.
  ~UpperGuard();

  // Before the mount is made: whether the lease can be written.
  Status DraftLease();

  // Once the mount is made, and again when it is attached somewhere: writes the lease.
  Status Record(const LeaseHolder& holder);

  // Once it is attached: lets go of the lock, if the kernel can be asked from now on.
  void LeaveToKernel();
  bool kernel_knows() const { return kernel_knows_; }

  // Once the mount is gone: removes the lease, if it is ours still, and lets go of the lock.
  void Release();

 private:
  UpperGuard(UniqueFd upper, UniqueFd work, std::string work_path)
      : upper_(std::move(upper)), work_(std::move(work)), work_path_(std::move(work_path)) {}

  Failure InWork(Failure failure) const;

  UniqueFd upper_;  // open files of our own, since a lock belongs to the open file
  UniqueFd work_;
  UniqueFd draft_;
  std::string work_path_;
  std::optional<LeaseIdentity> lease_;
  bool kernel_knows_ = false;
};

// Asks without keeping anything: the failure is that of Acquire where somebody has them. What may
// not be looked into is nobody's that could be found.
Status CheckUpperFree(const std::string& upper, const std::string& work);

// Of an upper that this process itself still uses through open files, on the mount of that id: it
// is released by the first call that finds it unused, which every Acquire makes.
void ParkGuard(UpperGuard guard, uint64_t mount_id);
void ReleaseParkedGuards();

}  // namespace ovl

#endif  // OVL_CORE_UPPER_GUARD_H_
