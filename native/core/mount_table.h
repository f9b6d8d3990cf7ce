// The table of mounts of the calling thread's mount namespace: /proc/thread-self/mountinfo
// (proc_pid_mountinfo(5)), every field as bytes.
#ifndef OVL_CORE_MOUNT_TABLE_H_
#define OVL_CORE_MOUNT_TABLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace ovl {

struct MountEntry {
  uint64_t id = 0;
  uint64_t parent = 0;
  std::string root;           // the directory of the filesystem that is mounted
  std::string target;         // the mount point, relative to the process's root
  std::string mount_options;  // of this mount ("rw,nosuid"), as written
  std::string fstype;
  std::string source;
  std::string
      super_options;  // of the filesystem; still escaped, since a comma may be part of a value
};

// Undoes the octal escapes of the table ("\040" is a space).
std::string UnescapeOctal(std::string_view text);

// Lines that do not have the documented form are left out.
std::vector<MountEntry> ParseMountTable(std::string_view text);

Result<std::vector<MountEntry>> ReadMountTable();

// The table of another process: /proc/<pid>/mountinfo. Its mount points are relative to the root of
// that process. EACCES where we may not trace it (ptrace(2), "access mode checking").
Result<std::vector<MountEntry>> ReadMountTableAt(const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_MOUNT_TABLE_H_
