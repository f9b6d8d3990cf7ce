// File handles: what overlayfs records a copied-up file's origin by.
#ifndef OVL_CORE_SYS_HANDLE_H_
#define OVL_CORE_SYS_HANDLE_H_

#include <optional>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

struct FileHandle {
  int type = 0;
  std::string bytes;
  bool operator==(const FileHandle&) const = default;
  auto operator<=>(const FileHandle&) const = default;
};

// name_to_handle_at(2), not following links. Nothing where the file is gone, its filesystem has no
// handles, or the call is not for us (a container's seccomp profile).
Result<std::optional<FileHandle>> HandleAt(int dir, const std::string& name);

// open_by_handle_at(2) with O_PATH, on the filesystem of `mount`. Needs CAP_DAC_READ_SEARCH; ESTALE
// where there is no such file any more.
Result<UniqueFd> OpenHandle(int mount, const FileHandle& handle);

// The UUID of the filesystem an open file lies on: FS_IOC_GETFSUUID (Linux 6.9), and for btrfs,
// which does not answer that, its own call. Empty where there is none or nobody says.
std::string FilesystemUuid(int fd);

}  // namespace ovl

#endif  // OVL_CORE_SYS_HANDLE_H_
