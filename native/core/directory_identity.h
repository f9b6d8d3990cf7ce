// What a directory is known again by, later and perhaps after another start of the system: a path
// leads to another one once something was unmounted, mounted over it, or put in its place.
#ifndef OVL_CORE_DIRECTORY_IDENTITY_H_
#define OVL_CORE_DIRECTORY_IDENTITY_H_

#include <string>

#include "core/result.h"

namespace ovl {

// Only what is certain to stay the same is there; the rest is empty.
struct DirectoryIdentity {
  std::string type;        // of the filesystem (f_type), in hexadecimal
  std::string filesystem;  // f_fsid in hexadecimal, where that is no number of a device
  std::string inode;
  std::string born;  // seconds and nanoseconds
  std::string boot;  // of a filesystem in memory: its numbers are those of this start of the system
};

// statx(2) and statfs(2).
Result<DirectoryIdentity> IdentifyDirectory(const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_DIRECTORY_IDENTITY_H_
