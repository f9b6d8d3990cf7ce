// A filesystem that is being configured: fsopen(2), fsconfig(2), fsmount(2), fspick(2). Linux 5.2.
#ifndef OVL_CORE_SYS_FS_CONTEXT_H_
#define OVL_CORE_SYS_FS_CONTEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// fsopen(fstype, FSOPEN_CLOEXEC).
Result<UniqueFd> Fsopen(const std::string& fstype);

// fsconfig(fs, FSCONFIG_SET_FLAG, key).
Status FsconfigFlag(int fs, const std::string& key);

// fsconfig(fs, FSCONFIG_SET_STRING, key, value). The kernel takes values of 255 bytes at most.
Status FsconfigString(int fs, const std::string& key, const std::string& value);

// fsconfig(fs, FSCONFIG_SET_FD, key, fd). Overlay layers: Linux 6.13.
Status FsconfigFd(int fs, const std::string& key, int fd);

// fsconfig(fs, FSCONFIG_CMD_CREATE). After a failure the context is good for nothing but its log.
Status FsconfigCreate(int fs);

// fsconfig(fs, FSCONFIG_CMD_RECONFIGURE).
Status FsconfigReconfigure(int fs);

// fsmount(fs, FSMOUNT_CLOEXEC, attributes): a detached mount. `attributes` are MOUNT_ATTR_*.
Result<UniqueFd> Fsmount(int fs, uint32_t attributes);

// fspick(dir, path, FSPICK_CLOEXEC | flags): the filesystem of an existing mount.
Result<UniqueFd> Fspick(int dir, const std::string& path, uint32_t flags);

// What the kernel has written about this context, oldest first, each as "e ...", "w ..." or "i ..."
// (error, warning, information). Reading takes the messages away; the kernel keeps the last eight.
std::vector<std::string> ReadFsLog(int fs);

}  // namespace ovl

#endif  // OVL_CORE_SYS_FS_CONTEXT_H_
