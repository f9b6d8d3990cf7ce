// Who has an upper mounted, as it is written down in the workdir: the facts and their text form.
#ifndef OVL_CORE_LEASE_H_
#define OVL_CORE_LEASE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace ovl {

struct LeaseHolder {
  uint64_t pid = 0;     // as the holder's own pid namespace has it
  std::string command;  // its words with spaces between, cut after kMaxCommand bytes
  int64_t since = 0;    // seconds since 1970
  std::string boot_id;
  uint64_t mount_namespace = 0;  // inode of /proc/<pid>/ns/mnt
  uint64_t mount_id = 0;         // the unique one; 0 where the kernel has none (before Linux 6.8)
  std::string target;            // empty: a detached mount
  bool is_volatile = false;
  bool operator==(const LeaseHolder&) const = default;
};

inline constexpr size_t kMaxCommand = 1024;

// /proc/sys/kernel/random/boot_id: another one after every start of the system, and the same one in
// every container on it.
Result<std::string> BootId();

// The command line of a process, "self" or a pid; empty where nobody says.
std::string CommandOf(const std::string& process);

// The inode of the mount namespace of the calling thread.
Result<uint64_t> OwnMountNamespace();

// The calling thread, now, about a mount on nothing yet.
Result<LeaseHolder> DescribeCaller();

// One "key=value" a line below a line with the version. Control characters and backslashes are
// written as in the mount table ("\012"), so that a value cannot end its line.
std::string FormatLease(const LeaseHolder& holder);

// Nothing where the text is not a whole lease of this version. Unknown keys are left out.
std::optional<LeaseHolder> ParseLease(std::string_view text);

}  // namespace ovl

#endif  // OVL_CORE_LEASE_H_
