// Who holds a mount, so that it cannot be unmounted or its filesystem stays in use.
#ifndef OVL_CORE_MOUNT_HOLDERS_H_
#define OVL_CORE_MOUNT_HOLDERS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/mount_table.h"
#include "core/process_holds.h"
#include "core/result.h"
#include "core/work_slice.h"

namespace ovl {

// The same directory of the same filesystem, mounted in another mount namespace. It keeps the
// filesystem (of an overlay: its upper) in use.
struct MountCopy {
  uint64_t mount_namespace = 0;  // its inode number
  pid_t pid = 0;                 // one process in it
  std::string command;
  std::string target;  // the mount point, relative to the root of that process
};

struct HolderReport {
  std::vector<MountHolder> holders;
  std::vector<MountEntry> submounts;  // what is mounted below
  std::vector<MountCopy> copies;
  size_t unreadable = 0;  // processes that may not be looked at
};

// Looks through /proc, some processes at a time. It finds what processes hold; a holder in the
// kernel (a loop device, a descriptor on its way through a socket, a ring of io_uring) and a
// namespace without a process do not show.
class HolderSearch {
 public:
  // Of the mount whose mount point is `target`.
  static Result<std::unique_ptr<HolderSearch>> Open(const std::string& target);

  // Goes on until the slice is over. True if there is more to do.
  Result<bool> Step(const WorkSlice& slice);

  HolderReport& report() { return report_; }

 private:
  HolderSearch() = default;
  void LookForCopies(pid_t pid);
  Status LookAt(pid_t pid);

  MountEntry mount_;
  WantedMounts wanted_;
  std::unordered_set<uint64_t> namespaces_;  // those that were seen
  std::vector<pid_t> pids_;
  // Copies are found first: a process can hold one of a namespace that it is not in.
  size_t next_namespace_ = 0;
  size_t next_ = 0;
  HolderReport report_;
};

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_HOLDERS_H_
