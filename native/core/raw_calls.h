// The newer mount calls with nothing around them: what a child that shares our memory may use (see
// rootless_child.h). No allocation, no C++ objects; the answer is that of the call, errno as usual.
//
// Numbers of our own: they are the kernel's promise and the same on every architecture, and the
// headers of the distributions we build on are older than the calls.
#ifndef OVL_CORE_RAW_CALLS_H_
#define OVL_CORE_RAW_CALLS_H_

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace ovl::raw {

inline constexpr long kOpenTree = 428;
inline constexpr long kMoveMount = 429;
inline constexpr long kFsopen = 430;
inline constexpr long kFsconfig = 431;
inline constexpr long kFsmount = 432;
inline constexpr long kFspick = 433;
inline constexpr long kOpenAt2 = 437;
inline constexpr long kMountSetattr = 442;
inline constexpr long kOpenTreeAttr = 467;

// <linux/mount.h>
inline constexpr unsigned kCloneTree = 1;          // OPEN_TREE_CLONE
inline constexpr unsigned kFromEmptyPath = 4;      // MOVE_MOUNT_F_EMPTY_PATH
inline constexpr unsigned kToEmptyPath = 0x40;     // MOVE_MOUNT_T_EMPTY_PATH
inline constexpr unsigned kRecursive = 0x8000;     // AT_RECURSIVE
inline constexpr uint64_t kResolveNoSymlinks = 4;  // <linux/openat2.h>
inline constexpr unsigned kFsopenCloexec = 1;
inline constexpr unsigned kFsmountCloexec = 1;
inline constexpr unsigned kOpenTreeCloexec = O_CLOEXEC;
inline constexpr unsigned kSetFlag = 0;
inline constexpr unsigned kSetString = 1;
inline constexpr unsigned kSetBinary = 2;
inline constexpr unsigned kSetPath = 3;
inline constexpr unsigned kSetPathEmpty = 4;
inline constexpr unsigned kSetFd = 5;
inline constexpr unsigned kCmdCreate = 6;
inline constexpr unsigned kCmdReconfigure = 7;
inline constexpr unsigned kCmdCreateExcl = 8;

// struct mount_attr of mount_setattr(2).
struct MountAttr {
  uint64_t attr_set = 0;
  uint64_t attr_clr = 0;
  uint64_t propagation = 0;
  uint64_t userns_fd = 0;
};

// struct open_how of openat2(2).
struct OpenHow {
  uint64_t flags = 0;
  uint64_t mode = 0;
  uint64_t resolve = 0;
};

inline int OpenAt2(int dir, const char* path, const OpenHow& how) {
  return static_cast<int>(::syscall(kOpenAt2, dir, path, &how, sizeof how));
}

inline int Fsopen(const char* type, unsigned flags = kFsopenCloexec) {
  return static_cast<int>(::syscall(kFsopen, type, flags));
}

inline int Fsconfig(int fs, unsigned command, const char* key, const void* value, int aux) {
  return static_cast<int>(::syscall(kFsconfig, fs, command, key, value, aux));
}

inline int Fsmount(int fs, unsigned attributes, unsigned flags = kFsmountCloexec) {
  return static_cast<int>(::syscall(kFsmount, fs, flags, attributes));
}

inline int Fspick(int dir, const char* path, unsigned flags) {
  return static_cast<int>(::syscall(kFspick, dir, path, flags));
}

inline int OpenTree(int dir, const char* path, unsigned flags) {
  return static_cast<int>(::syscall(kOpenTree, dir, path, flags));
}

inline int MoveMount(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return static_cast<int>(::syscall(kMoveMount, from_dir, from, to_dir, to, flags));
}

inline int MountSetattr(int dir, const char* path, unsigned flags, const MountAttr& attr) {
  return static_cast<int>(::syscall(kMountSetattr, dir, path, flags, &attr, sizeof attr));
}

inline int OpenTreeAttr(int dir, const char* path, unsigned flags, const MountAttr& attr) {
  return static_cast<int>(::syscall(kOpenTreeAttr, dir, path, flags, &attr, sizeof attr));
}

}  // namespace ovl::raw

#endif  // OVL_CORE_RAW_CALLS_H_
