// A filesystem that is being configured: fsopen(2), fsconfig(2), fsmount(2), fspick(2). Linux 5.2.
#ifndef OVL_CORE_SYS_FS_CONTEXT_H_
#define OVL_CORE_SYS_FS_CONTEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// fsopen(fstype, FSOPEN_CLOEXEC | flags).
Result<UniqueFd> Fsopen(const std::string& fstype, uint32_t flags = 0);

// fsconfig(fs, FSCONFIG_SET_FLAG, key).
Status FsconfigFlag(int fs, const std::string& key);

// fsconfig(fs, FSCONFIG_SET_STRING, key, value). The kernel takes values of 255 bytes at most.
Status FsconfigString(int fs, const std::string& key, const std::string& value);

// fsconfig(fs, FSCONFIG_SET_BINARY, key, value, size). The kernel takes 1 MiB at most.
Status FsconfigBinary(int fs, const std::string& key, const std::string& value);

// fsconfig(fs, FSCONFIG_SET_PATH, key, path, dir).
Status FsconfigPath(int fs, const std::string& key, int dir, const std::string& path);

// fsconfig(fs, FSCONFIG_SET_PATH_EMPTY, key, path, dir): an empty path means `dir` itself.
Status FsconfigPathEmpty(int fs, const std::string& key, int dir, const std::string& path);

// fsconfig(fs, FSCONFIG_SET_FD, key, fd). Overlay layers: Linux 6.13.
Status FsconfigFd(int fs, const std::string& key, int fd);

// fsconfig(fs, FSCONFIG_CMD_CREATE). After a failure the context is good for nothing but its log.
Status FsconfigCreate(int fs);

// fsconfig(fs, FSCONFIG_CMD_CREATE_EXCL): EBUSY if the filesystem exists already. Linux 6.6.
Status FsconfigCreateExcl(int fs);

// fsconfig(fs, FSCONFIG_CMD_RECONFIGURE).
Status FsconfigReconfigure(int fs);

// fsmount(fs, FSMOUNT_CLOEXEC | flags, attributes): a detached mount. `attributes` are
// MOUNT_ATTR_*.
Result<UniqueFd> Fsmount(int fs, uint32_t attributes, uint32_t flags = 0);

// fspick(dir, path, FSPICK_CLOEXEC | flags): the filesystem of an existing mount.
Result<UniqueFd> Fspick(int dir, const std::string& path, uint32_t flags);

// What the kernel has written about this context, oldest first, each as "e ...", "w ..." or "i ..."
// (error, warning, information). Reading takes the messages away; the kernel keeps the last eight.
std::vector<std::string> ReadFsLog(int fs);

// The same for a descriptor of which nobody knows what it is. EINVAL with reason "not-fs-context"
// for any other kind: reading that would take its data, or wait for some.
Result<std::vector<std::string>> ReadFsLogOf(int fd);

// A failure of a call on this context, with what the kernel has to say about it.
Failure WithFsLog(Failure failure, int fs);

}  // namespace ovl

#endif  // OVL_CORE_SYS_FS_CONTEXT_H_
