// Opening and examining files relative to a directory descriptor, one function per system call.
// Nothing here follows a symbolic link in the last component unless its name says so.
#ifndef OVL_CORE_SYS_FILE_H_
#define OVL_CORE_SYS_FILE_H_

#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// openat2(2) with O_DIRECTORY | O_NOFOLLOW and RESOLVE_NO_XDEV (Linux 5.6), else openat(2): a
// directory inside a layer. EXDEV with reason "submount" where another mount lies on it. To look up
// names only (O_PATH) takes no permission to read it, and less time.
enum class DirUse : uint8_t { kRead, kLookUp };
Result<UniqueFd> OpenDirectoryAt(int dir, const std::string& name, DirUse use = DirUse::kRead);

// open(2) with O_DIRECTORY, following links: a layer named by the user.
Result<UniqueFd> OpenDirectory(const std::string& path);

// open(2) with O_PATH, following links: to ask about a place without touching what lies there.
Result<UniqueFd> OpenPath(const std::string& path);

// openat2(2) with O_PATH and RESOLVE_IN_ROOT (Linux 5.6), following links: a path as a process has
// it whose root directory is `root`. ENOSYS or EPERM where there is no such call.
Result<UniqueFd> OpenPathIn(int root, const std::string& path);

// openat(2) of "..": the parent, across mounts; that of the root is the root.
Result<UniqueFd> OpenParent(int dir);

// openat(2) for reading a regular file; O_NONBLOCK so that a FIFO put in its place cannot hang us,
// O_NOATIME where we may so that comparing leaves no trace in a lower.
Result<UniqueFd> OpenFileAt(int dir, const std::string& name);

// fstatat(2) with AT_SYMLINK_NOFOLLOW. False when there is nothing of that name (ENOENT, ENOTDIR,
// and ENAMETOOLONG: a name too long for a layer's filesystem cannot exist there).
Result<bool> StatAt(int dir, const std::string& name, struct stat& out);

// fstat(2).
Result<struct stat> StatFd(int fd);

// fstatfs(2).
Result<struct statfs> StatFs(int fd);

// chmod(2) of what is open, with O_PATH as well: by its name in /proc, which leads to nothing else.
Status ChangeMode(int fd, mode_t mode);

// readlinkat(2), any length.
Result<std::string> ReadLinkAt(int dir, const std::string& name);

// read(2) of a small file up to its end, `limit` bytes at most.
Result<std::string> ReadUpTo(int fd, size_t limit);

// The path the kernel knows an open descriptor by (readlink of /proc/self/fd/N).
Result<std::string> PathOfFd(int fd);

}  // namespace ovl

#endif  // OVL_CORE_SYS_FILE_H_
