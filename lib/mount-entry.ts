/** What the table of mounts says of one mount. */

/**
 * Where mounts made below a mount show up as well. Groups are known by a number.
 *
 * @see mount_namespaces(7)
 */
export interface MountPropagation {
  /** The mount is shared: what is mounted below it appears below every other one of this group. */
  readonly peerGroup: number | undefined;
  /** The mount is a slave: it receives from this group and gives nothing back. */
  readonly master: number | undefined;
  /** Of a slave whose master has no mount that can be seen from here: the nearest group that has. */
  readonly propagateFrom: number | undefined;
  /** It cannot be bound elsewhere. */
  readonly unbindable: boolean;
}

/**
 * A mount. Names that are no UTF-8 are lossy as text and exact in the field of the same name that ends
 * in `Bytes`.
 *
 * @see proc_pid_mountinfo(5), statmount(2)
 */
export interface Mount {
  /** The mount point, relative to the process's root. */
  readonly target: string;
  readonly targetBytes: Buffer;
  /** What was mounted: a device, or any text. */
  readonly source: string;
  readonly sourceBytes: Buffer;
  /** With its subtype, if it has one: `fuse.sshfs`. */
  readonly filesystemType: string;
  /** In the mount table (`/proc/self/mountinfo`); used again after an unmount. */
  readonly mountId: number;
  /** Never used again. Known where the kernel has a complete statmount(2) (Linux 6.15). */
  readonly uniqueId: bigint | undefined;
  /** The `mountId` of the mount below, which need not be in the table. */
  readonly parentId: number;
  /** Of the filesystem, as in `st_dev` of most of its files. */
  readonly device: { readonly major: number; readonly minor: number };
  /** The directory, or file, of the filesystem that is mounted: `/` unless it is a bind mount. */
  readonly root: string;
  readonly rootBytes: Buffer;
  /** That directory has been removed since; `root` is what it was called. */
  readonly deleted: boolean;
  /** Of this mount: `rw` or `ro`, `nosuid`, `nodev`, `noexec`, `relatime`, … */
  readonly mountOptions: readonly string[];
  /** Of the filesystem, whatever the mount: `rw` or `ro`, then what it says of itself. */
  readonly superOptions: readonly string[];
  readonly superOptionsBytes: readonly Buffer[];
  /** The mount, or the whole filesystem, is read-only. */
  readonly readOnly: boolean;
  readonly propagation: MountPropagation;
}

/** An overlay in the table of mounts. */
export interface OverlayMount extends Mount {
  /** Top-most first. The text of the mount options: it may be relative, or lead elsewhere by now. */
  readonly lower: readonly string[];
  readonly lowerBytes: readonly Buffer[];
  /** Lowers that hold only data of metacopy files. */
  readonly dataLower: readonly string[];
  readonly dataLowerBytes: readonly Buffer[];
  readonly upper: string | undefined;
  readonly upperBytes: Buffer | undefined;
  readonly work: string | undefined;
  readonly workBytes: Buffer | undefined;
  readonly userxattr: boolean;
  /** Every other option that differs from the kernel's default. */
  readonly options: readonly string[];
  /**
   * The layers of those above that had been removed before the overlay was mounted with their open
   * directories. The kernel then wrote ` (deleted)` behind their names. A directory that was removed
   * later is shown by its old name, as if it were there.
   */
  readonly deletedLayers: readonly string[];
}
