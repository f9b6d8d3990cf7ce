/** Flags of fsopen(2), fsmount(2), fspick(2), open_tree(2), move_mount(2) and mount_setattr(2). */

/** By the names of `<linux/mount.h>`. */
const mountHeader = {
  /** Always set by these calls: no descriptor leaks into a child. */
  FSOPEN_CLOEXEC: 0x1,
  /** Always set by these calls. */
  FSMOUNT_CLOEXEC: 0x1,
  /** Always set by these calls. */
  FSPICK_CLOEXEC: 0x1,
  /** Do not follow a symbolic link in the last component. */
  FSPICK_SYMLINK_NOFOLLOW: 0x2,
  /** Trigger no automount. */
  FSPICK_NO_AUTOMOUNT: 0x4,
  /** An empty path means the descriptor itself. */
  FSPICK_EMPTY_PATH: 0x8,
  /** A detached copy of the mount instead of a place in it. */
  OPEN_TREE_CLONE: 0x1,
  /** Always set by these calls. */
  OPEN_TREE_CLOEXEC: 0x8_0000,
  /** Follow a symbolic link in the last component of the source. */
  MOVE_MOUNT_F_SYMLINKS: 0x1,
  /** Trigger an automount on the source. */
  MOVE_MOUNT_F_AUTOMOUNTS: 0x2,
  /** An empty source path means the descriptor itself. */
  MOVE_MOUNT_F_EMPTY_PATH: 0x4,
  /** Follow a symbolic link in the last component of the target. */
  MOVE_MOUNT_T_SYMLINKS: 0x10,
  /** Trigger an automount on the target. */
  MOVE_MOUNT_T_AUTOMOUNTS: 0x20,
  /** An empty target path means the descriptor itself. */
  MOVE_MOUNT_T_EMPTY_PATH: 0x40,
  /** Give the target the sharing of the source instead of moving. Linux 5.15. */
  MOVE_MOUNT_SET_GROUP: 0x100,
  /** Below what is mounted on the target now. Linux 6.5. */
  MOVE_MOUNT_BENEATH: 0x200,
  /** The mount is read-only. */
  MOUNT_ATTR_RDONLY: 0x1,
  /** Ignore set-user-ID and set-group-ID bits. */
  MOUNT_ATTR_NOSUID: 0x2,
  /** No access to device files. */
  MOUNT_ATTR_NODEV: 0x4,
  /** No program may be executed. */
  MOUNT_ATTR_NOEXEC: 0x8,
  /** The bits of the access time mode: to change it, clear all of them. */
  MOUNT_ATTR__ATIME: 0x70,
  /** Update access times only if they are older than the modification. */
  MOUNT_ATTR_RELATIME: 0x0,
  /** Never update access times. */
  MOUNT_ATTR_NOATIME: 0x10,
  /** Always update access times. */
  MOUNT_ATTR_STRICTATIME: 0x20,
  /** Never update access times of directories. */
  MOUNT_ATTR_NODIRATIME: 0x80,
  /** Owners are mapped by the user namespace of `usernsFd`. Not for fsmount. */
  MOUNT_ATTR_IDMAP: 0x10_0000,
  /** Follow no symbolic links. Linux 5.14. */
  MOUNT_ATTR_NOSYMFOLLOW: 0x20_0000,
} as const;

/** By the names of `<linux/fcntl.h>`. */
const fcntlHeader = {
  /** Relative paths start at the working directory. */
  AT_FDCWD: -100,
  /** Do not follow a symbolic link in the last component. */
  AT_SYMLINK_NOFOLLOW: 0x100,
  /** Trigger no automount. */
  AT_NO_AUTOMOUNT: 0x800,
  /** An empty path means the descriptor itself. */
  AT_EMPTY_PATH: 0x1000,
  /** What is mounted below as well. */
  AT_RECURSIVE: 0x8000,
} as const;

export type MountApiFlags = typeof mountHeader & typeof fcntlHeader;
export const mountApiFlags: MountApiFlags = { ...mountHeader, ...fcntlHeader };
