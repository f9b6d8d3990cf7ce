// What one process holds of certain mounts.
#ifndef OVL_CORE_PROCESS_HOLDS_H_
#define OVL_CORE_PROCESS_HOLDS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"

namespace ovl {

enum class HoldKind : uint8_t {
  kCwd,      // a working directory
  kRoot,     // a root directory (chroot(2))
  kExe,      // the program that runs
  kFile,     // an open file or directory
  kMapping,  // a file that is mapped into memory
};

struct Hold {
  HoldKind kind = HoldKind::kFile;
  int fd = -1;       // of kFile
  std::string path;  // as the kernel names it, with " (deleted)" after it where that is so
};

struct MountHolder {
  pid_t pid = 0;
  std::string command;            // the name of the program, at most 15 bytes
  std::vector<std::string> args;  // its command line, which it may have overwritten
  std::vector<Hold> holds;
  size_t omitted = 0;  // how many more there are
  bool copy = false;   // all it holds is a copy of the mount in another mount namespace
};

// The mounts that are looked for, by their ids in the table: no two namespaces share those.
struct WantedMounts {
  struct Mount {
    std::string place;  // the path it is seen at
    bool copy = false;  // in another mount namespace
  };
  std::unordered_map<uint64_t, Mount> by_id;
  std::vector<std::string> submounts;  // the mount points below the one that is no copy
};

// `path` is `directory`, or lies below it.
bool IsAtOrBelow(std::string_view path, std::string_view directory);

// The name of a program and its command line, which everybody may read; empty if it has ended.
std::string CommandOf(int process);
std::vector<std::string> ArgumentsOf(int process);

// Without holds if there are none, or if the process has ended. EACCES or EPERM: it may not be
// looked at.
Result<MountHolder> HoldsOf(pid_t pid, const WantedMounts& wanted);

}  // namespace ovl

#endif  // OVL_CORE_PROCESS_HOLDS_H_
