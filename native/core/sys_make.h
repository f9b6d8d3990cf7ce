// Making, moving and changing files relative to a directory descriptor, one function per system
// call. Nothing here follows a symbolic link.
#ifndef OVL_CORE_SYS_MAKE_H_
#define OVL_CORE_SYS_MAKE_H_

#include <sys/stat.h>

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// openat(2) with O_CREAT | O_EXCL, for reading and writing.
Result<UniqueFd> CreateFileAt(int dir, const std::string& name, mode_t mode);

// pwrite(2) of all of it.
Status WriteAll(int fd, const char* data, size_t size, off_t offset);

// mkdirat(2).
Status MakeDirectoryAt(int dir, const std::string& name, mode_t mode);

// mknodat(2): FIFOs and sockets for everybody, devices with CAP_MKNOD.
Status MakeNodeAt(int dir, const std::string& name, mode_t mode, dev_t device);

// symlinkat(2).
Status MakeSymlinkAt(const std::string& target, int dir, const std::string& name);

// linkat(2).
Status LinkAt(int from, const std::string& from_name, int to, const std::string& to_name);

// unlinkat(2); `flags` 0 or AT_REMOVEDIR.
Status UnlinkAt(int dir, const std::string& name, int flags);

// renameat2(2).
enum class Renaming : unsigned {
  kOver = 0,       // what has the name is replaced
  kNoReplace = 1,  // EEXIST where something has it
  kExchange = 2,   // the two change places
};
Status RenameAt(int from, const std::string& from_name, int to, const std::string& to_name,
                Renaming how);

// fchownat(2) with AT_SYMLINK_NOFOLLOW.
Status SetOwnerAt(int dir, const std::string& name, uid_t uid, gid_t gid);

// fchmodat(2), which follows a link: of what we made and nobody else can reach.
Status SetModeOfOwnAt(int dir, const std::string& name, mode_t mode);

// utimensat(2) with AT_SYMLINK_NOFOLLOW.
Status SetTimesAt(int dir, const std::string& name, const struct timespec& access,
                  const struct timespec& modification);

// setxattrat(2) (Linux 6.13), else lsetxattr(2) through /proc/self/fd. `call` is named in failures.
Status SetXattrAt(int dir, const std::string& name, const std::string& attribute,
                  const std::string& value);

// fsetxattr(2), fremovexattr(2); nothing to remove is no failure.
Status SetXattr(int fd, const std::string& attribute, const std::string& value);
Status RemoveXattr(int fd, const std::string& attribute);

// fchown(2), fchmod(2), futimens(2).
Status SetOwner(int fd, uid_t uid, gid_t gid);
Status SetMode(int fd, mode_t mode);
Status SetTimes(int fd, const struct timespec& access, const struct timespec& modification);

// faccessat(2) with the effective ids: whether we may change the names in an open directory.
bool MayChangeNames(int dir);

// fsync(2), syncfs(2).
Status Sync(int fd);
Status SyncFilesystem(int fd);

// statx(2) of a name: what stat says, whether another mount lies there (Linux 5.8), and whether
// chattr(1) has made it immutable or append-only, so that nobody may move it.
struct Look {
  struct stat st {};
  bool mount_root = false;
  bool fixed = false;
};
// False when there is nothing of that name.
Result<bool> LookAt(int dir, const std::string& name, Look& out);

}  // namespace ovl

#endif  // OVL_CORE_SYS_MAKE_H_
