/** What reading a layer yields. */

export type FileType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'character-device'
  | 'block-device';

export type ChangeKind = 'added' | 'modified' | 'deleted';

/**
 * What a modification touched.
 *
 * - `type`: it is another type of file now (then nothing else is compared)
 * - `content`: size or bytes of a regular file
 * - `mode`: permission bits, set-id and sticky bits included
 * - `owner`: user or group
 * - `xattrs`: extended attributes other than overlayfs's own; ACLs and capabilities are among them
 * - `times`: modification time; never of a directory
 * - `device`: number of a device
 * - `target`: of a symbolic link
 * - `links`: which names are hard links of one file; a name outside the layer counts as one that is lost
 */
export type Aspect =
  | 'type'
  | 'content'
  | 'mode'
  | 'owner'
  | 'xattrs'
  | 'times'
  | 'device'
  | 'target'
  | 'links';

/** What stat(2) tells of a file, and of a symbolic link where it leads. */
export interface FileStat {
  readonly type: FileType;
  /** Permission bits, set-id and sticky bits included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** In bytes; of a file whose data lies in a lower as well. */
  readonly size: number;
  /** Modification time in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** In the layer that has it, which is not what the overlay shows. */
  readonly ino: bigint;
  readonly dev: bigint;
  /** Of a device. */
  readonly device?: { readonly major: number; readonly minor: number };
  /** Of a symbolic link. */
  readonly target?: string;
  /** The same in bytes: with `encoding: 'buffer'`, and always where `target` is not UTF-8. */
  readonly targetBytes?: Buffer;
}

/** One difference between the lowers alone and the overlay. */
export interface Change {
  readonly kind: ChangeKind;
  /** Relative to the root of the overlay, without a leading slash; `.` is the root itself. */
  readonly path: string;
  /** The same in bytes: with `encoding: 'buffer'`, and always where `path` is not UTF-8. */
  readonly pathBytes?: Buffer;
  /** Of what is there now; of a deletion, of what was there. */
  readonly type: FileType;
  /** Where the type changed. */
  readonly previousType?: FileType;
  /** Of a modification; else empty. */
  readonly aspects: readonly Aspect[];
  /**
   * The sizes are equal, and whether the bytes are was not looked at (`content: 'never'`) or could not
   * be told (`onUnreadable: 'unknown'`).
   */
  readonly content?: 'unknown';
  /**
   * With `onUnreadable: 'unknown'`: a mark that could not be read may make this another change or
   * none. Of a directory it also means that nobody can say what of the lowers shows in it.
   */
  readonly unknown?: true;
  /**
   * The path before, where the layer records it: by a redirect, or by the handle of the file that was
   * copied up. It is itself listed as deleted, or as what has taken its place.
   */
  readonly renamedFrom?: string;
  readonly renamedFromBytes?: Buffer;
  /** With `stat`: what was there before; missing where nothing was. */
  readonly before?: FileStat;
  /** With `stat`: what is there now; missing where nothing is, or no longer. */
  readonly after?: FileStat;
}

/** An extended attribute of overlayfs as it is stored. */
export interface Mark {
  /** The whole name, for example `trusted.overlay.opaque`. */
  readonly name: string;
  readonly value: Buffer;
}

/** One entry of a layer, without interpretation. */
export interface LayerEntry {
  /** Relative to the root of the layer, without a leading slash; `.` is the root itself. */
  readonly path: string;
  /** The same in bytes: with `encoding: 'buffer'`, and always where `path` is not UTF-8. */
  readonly pathBytes?: Buffer;
  readonly type: FileType;
  /** Permission bits, set-id and sticky bits included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** In bytes. */
  readonly size: number;
  /** Modification time in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
  /** Of a device. */
  readonly device?: { readonly major: number; readonly minor: number };
  /** Of a symbolic link. */
  readonly target?: string;
  readonly targetBytes?: Buffer;
  /** A deletion: a character device 0,0, or an empty file with the attribute `overlay.whiteout`. */
  readonly whiteout?: 'device' | 'xattr';
  /** `y`: nothing below merges. `x`: may hold whiteouts of the `xattr` form. */
  readonly opaque?: 'y' | 'x';
  /** Where the lowers have it. */
  readonly redirect?: string;
  /** Attributes only; the data is in a lower. */
  readonly metacopy?: true;
  /** It was copied up. */
  readonly origin?: true;
  /** Every attribute of overlayfs, of both namespaces, by name. */
  readonly marks: readonly Mark[];
}
