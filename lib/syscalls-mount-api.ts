/**
 * The mount calls of Linux 5.2 and later, one to one. Descriptors are plain numbers: those that come out
 * belong to the caller, who closes them with `fs.closeSync`. `O_CLOEXEC` is always set on them.
 */
import type { PathLike } from './arguments.ts';
import { flagBits } from './arguments.ts';
import type { BothForms } from './both-forms.ts';
import { bothForms } from './both-forms.ts';
import { mountApiFlags } from './mount-api-flags.ts';
import { native } from './native.ts';
import type { NativeAttributeChange } from './native-syscalls.ts';
import type { MountAttr } from './syscall-arguments.ts';
import {
  binary,
  descriptor,
  directory,
  mountAttr,
  rawPath,
  textBytes,
} from './syscall-arguments.ts';

/** In their blocking form. The failure of an `fsconfig` or `fsmount` has the kernel's messages. */
interface Calls {
  /** fsopen(2): a context in which a filesystem is configured. A descriptor. */
  fsopen(filesystemType: string | Buffer, flags?: number): number;
  /** fsconfig(2), `FSCONFIG_SET_FLAG`: an option without a value. */
  fsconfigSetFlag(fs: number, key: string | Buffer): void;
  /** fsconfig(2), `FSCONFIG_SET_STRING`. The kernel takes 255 bytes at most (`EINVAL`). */
  fsconfigSetString(fs: number, key: string | Buffer, value: string | Buffer): void;
  /** fsconfig(2), `FSCONFIG_SET_BINARY`. 1 byte to 1 MiB. */
  fsconfigSetBinary(fs: number, key: string | Buffer, value: Buffer): void;
  /** fsconfig(2), `FSCONFIG_SET_PATH`. A relative path starts at `dirfd`. */
  fsconfigSetPath(fs: number, key: string | Buffer, path: PathLike, dirfd?: number): void;
  /** fsconfig(2), `FSCONFIG_SET_PATH_EMPTY`: an empty path means `dirfd` itself. */
  fsconfigSetPathEmpty(fs: number, key: string | Buffer, path: PathLike, dirfd: number): void;
  /** fsconfig(2), `FSCONFIG_SET_FD`. Layers of an overlay: Linux 6.13. */
  fsconfigSetFd(fs: number, key: string | Buffer, fd: number): void;
  /** fsconfig(2), `FSCONFIG_CMD_CREATE`: makes the filesystem, or finds one that may be shared. */
  fsconfigCreate(fs: number): void;
  /** fsconfig(2), `FSCONFIG_CMD_CREATE_EXCL`: `EBUSY` where one would be shared. Linux 6.6. */
  fsconfigCreateExcl(fs: number): void;
  /** fsconfig(2), `FSCONFIG_CMD_RECONFIGURE`. */
  fsconfigReconfigure(fs: number): void;
  /** fsmount(2): a detached mount of what was created. A descriptor. `attributes` are `MOUNT_ATTR_*`. */
  fsmount(fs: number, flags?: number, attributes?: number): number;
  /** fspick(2): a context for what is mounted already. A descriptor. */
  fspick(dirfd: number, path: PathLike, flags?: number): number;
  /** open_tree(2): a place in a mount, or with `OPEN_TREE_CLONE` a detached copy. A descriptor. */
  openTree(dirfd: number, path: PathLike, flags?: number): number;
  /** open_tree_attr(2): `openTree` and `mountSetattr` in one. Linux 6.15. A descriptor. */
  openTreeAttr(dirfd: number, path: PathLike, flags: number, attr: MountAttr): number;
  /** move_mount(2): attaches a detached mount, or moves one. */
  moveMount(
    fromDirfd: number,
    fromPath: PathLike,
    toDirfd: number,
    toPath: PathLike,
    flags?: number,
  ): void;
  /** mount_setattr(2). Linux 5.12. */
  mountSetattr(dirfd: number, path: PathLike, flags: number, attr: MountAttr): void;
  /**
   * read(2) on a context until it is empty: what the kernel has said about it, oldest first, each
   * beginning with `e `, `w ` or `i ` (error, warning, information). The messages are gone
   * afterwards; the kernel keeps the last eight. `EINVAL` if the descriptor is no such context.
   */
  readFsLog(fs: number): string[];
}

export type MountApiCalls = BothForms<Calls>;

type Text = string | Buffer;

const nothing = (): void => undefined;
const number = (value: number): number => value;
const context = (fs: number): [number] => [descriptor(fs, 'fs')];
const valued = (fs: number, key: Text, value: Text): [number, Buffer, Buffer] => [
  descriptor(fs, 'fs'),
  textBytes(key, 'key'),
  textBytes(value, 'value'),
];
const atPath = (dirfd: number, path: PathLike, flags = 0): [number, Buffer, number] => [
  directory(dirfd, 'dirfd'),
  rawPath(path, 'path'),
  flagBits(flags, 'flags'),
];
const atPathWith = (
  dirfd: number,
  path: PathLike,
  flags: number,
  attr: MountAttr,
): [number, Buffer, number, NativeAttributeChange] => [
  ...atPath(dirfd, path, flags),
  mountAttr(attr, 'attr'),
];
const path = (
  fs: number,
  key: Text,
  value: PathLike,
  dirfd: number = mountApiFlags.AT_FDCWD,
): [number, Buffer, Buffer, number] => [
  descriptor(fs, 'fs'),
  textBytes(key, 'key'),
  rawPath(value, 'path'),
  directory(dirfd, 'dirfd'),
];

const calls = {
  ...bothForms(
    'fsopen',
    (type: Text, flags = 0) => [textBytes(type, 'filesystemType'), flagBits(flags, 'flags')],
    () => native().fsopen,
    number,
  ),
  ...bothForms(
    'fsconfigSetFlag',
    (fs: number, key: Text) => [descriptor(fs, 'fs'), textBytes(key, 'key')],
    () => native().fsconfigSetFlag,
    nothing,
  ),
  ...bothForms('fsconfigSetString', valued, () => native().fsconfigSetString, nothing),
  ...bothForms(
    'fsconfigSetBinary',
    (fs: number, key: Text, value: Buffer) => [
      descriptor(fs, 'fs'),
      textBytes(key, 'key'),
      binary(value, 'value'),
    ],
    () => native().fsconfigSetBinary,
    nothing,
  ),
  ...bothForms('fsconfigSetPath', path, () => native().fsconfigSetPath, nothing),
  ...bothForms('fsconfigSetPathEmpty', path, () => native().fsconfigSetPathEmpty, nothing),
  ...bothForms(
    'fsconfigSetFd',
    (fs: number, key: Text, fd: number) => [
      descriptor(fs, 'fs'),
      textBytes(key, 'key'),
      descriptor(fd, 'fd'),
    ],
    () => native().fsconfigSetFd,
    nothing,
  ),
  ...bothForms('fsconfigCreate', context, () => native().fsconfigCreate, nothing),
  ...bothForms('fsconfigCreateExcl', context, () => native().fsconfigCreateExcl, nothing),
  ...bothForms('fsconfigReconfigure', context, () => native().fsconfigReconfigure, nothing),
  ...bothForms(
    'fsmount',
    (fs: number, flags = 0, attributes = 0) => [
      descriptor(fs, 'fs'),
      flagBits(flags, 'flags'),
      flagBits(attributes, 'attributes'),
    ],
    () => native().fsmount,
    number,
  ),
  ...bothForms('fspick', atPath, () => native().fspick, number),
  ...bothForms('openTree', atPath, () => native().openTree, number),
  ...bothForms('openTreeAttr', atPathWith, () => native().openTreeAttr, number),
  ...bothForms(
    'moveMount',
    (fromDirfd: number, fromPath: PathLike, toDirfd: number, toPath: PathLike, flags = 0) => [
      directory(fromDirfd, 'fromDirfd'),
      rawPath(fromPath, 'fromPath'),
      directory(toDirfd, 'toDirfd'),
      rawPath(toPath, 'toPath'),
      flagBits(flags, 'flags'),
    ],
    () => native().moveMount,
    nothing,
  ),
  ...bothForms('mountSetattr', atPathWith, () => native().mountSetattr, nothing),
  ...bothForms(
    'readFsLog',
    context,
    () => native().readFsLog,
    (log) => log.map(String),
  ),
};
export const mountApiCalls: MountApiCalls = calls;
