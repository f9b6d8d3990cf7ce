/** Flags of mount(2), by the names of `<sys/mount.h>`. */
export const mountFlags = {
  /** Read-only. */
  MS_RDONLY: 1,
  /** Ignore set-user-ID and set-group-ID bits. */
  MS_NOSUID: 2,
  /** No access to device files. */
  MS_NODEV: 4,
  /** No program may be executed. */
  MS_NOEXEC: 8,
  /** Writes are synchronous. */
  MS_SYNCHRONOUS: 16,
  /** Change the flags of what is mounted already. */
  MS_REMOUNT: 32,
  /** Mandatory locking; without effect since Linux 5.15. */
  MS_MANDLOCK: 64,
  /** Changes of directories are synchronous. */
  MS_DIRSYNC: 128,
  /** Follow no symbolic links. Linux 5.10. */
  MS_NOSYMFOLLOW: 256,
  /** Never update access times. */
  MS_NOATIME: 1024,
  /** Never update access times of directories. */
  MS_NODIRATIME: 2048,
  /** Mount a directory that is there already at a second place. */
  MS_BIND: 4096,
  /** Move a mount. */
  MS_MOVE: 8192,
  /** With MS_BIND and the propagation flags: everything mounted below as well. */
  MS_REC: 16384,
  /** Less in the kernel log. */
  MS_SILENT: 32768,
  /** POSIX access control lists; the default of filesystems that have them. */
  MS_POSIXACL: 65536,
  /** Cannot be bound elsewhere. */
  MS_UNBINDABLE: 131072,
  /** Mounts below propagate neither way. */
  MS_PRIVATE: 262144,
  /** Mounts below propagate in, not out. */
  MS_SLAVE: 524288,
  /** Mounts below propagate both ways. */
  MS_SHARED: 1048576,
  /** Update access times only if they are older than the modification. */
  MS_RELATIME: 2097152,
  /** Count versions of inodes. */
  MS_I_VERSION: 8388608,
  /** Always update access times. */
  MS_STRICTATIME: 16777216,
  /** Keep times in memory and write them late. */
  MS_LAZYTIME: 33554432,
} as const;

/** Flags of umount2(2), by the names of `<sys/mount.h>`. */
export const umountFlags = {
  /** Abort what is pending, where the filesystem can (NFS); without effect on an overlay. */
  MNT_FORCE: 1,
  /** Detach at once, and clean up when nobody uses it any more. */
  MNT_DETACH: 2,
  /** The first call marks (EAGAIN), the second unmounts if nobody used it in between. */
  MNT_EXPIRE: 4,
  /** Do not follow a symbolic link in the last component. */
  UMOUNT_NOFOLLOW: 8,
} as const;
