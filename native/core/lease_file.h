// The lease of a workdir as a file in it, beside the kernel's own "work" and "index", which are all
// that the kernel empties.
//
// Whoever writes it holds the lock of the workdir or has the upper mounted, so there is one writer
// at a time. A reader needs no lock: the file is made under another name and then takes its place.
#ifndef OVL_CORE_LEASE_FILE_H_
#define OVL_CORE_LEASE_FILE_H_

#include <sys/stat.h>

#include <optional>

#include "core/lease.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

inline constexpr char kLeaseName[] = "overlayfs.lease";
inline constexpr char kLeaseDraftName[] = "overlayfs.lease.new";

// Nothing where there is no lease, or where what has its name is none: a link, a FIFO, a file of
// another version or of any size. None of that is followed or waited for.
Result<std::optional<LeaseHolder>> ReadLease(int work);

// Which file a lease was written to.
struct LeaseIdentity {
  ino_t inode = 0;
  struct timespec written {};
};

// Makes the file that will be the lease, so that a workdir that cannot be written is found out
// before anything is mounted. What a writer that died left is replaced.
Result<UniqueFd> DraftLease(int work);

// Writes the draft and puts it in the place of whatever has the name of the lease.
Result<LeaseIdentity> PublishLease(int work, int draft, const LeaseHolder& holder);

// Removes a draft that was not published.
void DropLeaseDraft(int work);

// Removes the lease if it is this one still.
void RemoveLease(int work, const LeaseIdentity& identity);

}  // namespace ovl

#endif  // OVL_CORE_LEASE_FILE_H_
