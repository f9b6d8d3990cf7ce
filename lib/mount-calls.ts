/** Bind mounts, tmpfs, moving, remounting and propagation: what comes with almost every overlay. */
import type { PathLike } from './arguments.ts';
import { absolutePath, optionalBoolean, optionalInteger, optionsObject } from './arguments.ts';
import { argumentValue } from './errors.ts';
import type { MountAttributes, MountInterface, Propagation } from './mount-attributes.ts';
import {
  attributeChange,
  attributeNames,
  mountInterface,
  propagationFlag,
} from './mount-attributes.ts';
import { native, unwrap } from './native.ts';
import type { NativeInterface, NativeMade, NativeTmpfs } from './native-mount-calls.ts';
import type { NativeAttributeChange } from './native-syscalls.ts';

interface InterfaceOption {
  /** Default: the newer calls where the kernel has them and a sandbox allows them, else mount(2). */
  readonly interface?: MountInterface;
}

interface PropagationOption {
  /** Default: as the kernel has it: shared below a shared mount, else as the source. */
  readonly propagation?: Propagation;
}

export interface BindMountOptions extends MountAttributes, PropagationOption, InterfaceOption {
  /** With everything that is mounted below the source; the attributes are given to all of it. */
  readonly recursive?: boolean;
}

export interface TmpfsOptions extends MountAttributes, PropagationOption, InterfaceOption {
  /** Most bytes that files may take, 1 or more; the kernel rounds up to pages. Default: half of the memory. */
  readonly size?: number;
  /** Most files, 1 or more. Default: half of the number of pages of memory. */
  readonly inodes?: number;
  /** Permissions of the root, 0 to 0o7777. Default: 0o1777. */
  readonly mode?: number;
  /** Owner of the root. Default: the caller. */
  readonly uid?: number;
  /** Group of the root. Default: that of the caller. */
  readonly gid?: number;
}

export interface MoveMountOptions extends InterfaceOption {
  /**
   * Attach below the mount that is on the target now: unmounting that one then switches to the new
   * one at once. Linux 6.5; not with mount(2).
   */
  readonly beneath?: boolean;
}

export interface RemountOptions extends MountAttributes, InterfaceOption {}

export interface SetPropagationOptions extends InterfaceOption {
  /** Of everything that is mounted below as well. */
  readonly recursive?: boolean;
}

/** A mount that was made. */
export interface MadeMount {
  /** The mount point, resolved. */
  readonly path: string;
  readonly pathBytes: Buffer;
  /** Of the kernel: never used twice from Linux 6.8 on. */
  readonly mountId: bigint;
}

function madeMount({ path, mountId }: NativeMade): MadeMount {
  return { path: path.toString(), pathBytes: path, mountId };
}

type BindArguments = [Buffer, Buffer, boolean, NativeAttributeChange, NativeInterface];

function bindArguments(source: unknown, target: unknown, options: unknown): BindArguments {
  const from = absolutePath(source, 'source');
  const to = absolutePath(target, 'target');
  const known = ['recursive', ...attributeNames, 'propagation', 'interface'];
  const given = optionsObject(options, 'options', known);
  return [
    from,
    to,
    optionalBoolean(given.recursive, 'options.recursive') ?? false,
    attributeChange(given, 'options'),
    mountInterface(given.interface, 'options.interface'),
  ];
}

/**
 * Shows a directory, or a file, at a second place. Attributes that are not named are those of the mount
 * the source lies on. A directory goes on a directory, a file on a file; symbolic links are resolved.
 *
 * The mount has its attributes before anybody can see it. Only with mount(2) it is seen without them
 * for a moment.
 *
 * @throws OverlayError `ENOENT` if one of both does not exist, `ENOTDIR` if one is a directory and the
 * other is not, `EINVAL` if the source is unbindable or in another mount namespace, `EPERM` without
 * CAP_SYS_ADMIN and where a user namespace may not drop an attribute. Nothing is mounted then.
 * @see mount(2), open_tree(2)
 */
export async function bindMount(
  source: PathLike,
  target: PathLike,
  options?: BindMountOptions,
): Promise<MadeMount> {
  const args = bindArguments(source, target, options);
  return madeMount(unwrap(await native().bindMount(...args, false)));
}

/** Like `bindMount`, blocking. */
export function bindMountSync(
  source: PathLike,
  target: PathLike,
  options?: BindMountOptions,
): MadeMount {
  return madeMount(unwrap(native().bindMount(...bindArguments(source, target, options), true)));
}

type TmpfsArguments = [Buffer, NativeTmpfs, NativeAttributeChange, NativeInterface];

/** (uid_t) -1 means none. */
const maxId = 0xffff_fffe;

function tmpfsArguments(target: unknown, options: unknown): TmpfsArguments {
  const to = absolutePath(target, 'target');
  const sizes = ['size', 'inodes', 'mode', 'uid', 'gid'];
  const known = [...sizes, ...attributeNames, 'propagation', 'interface'];
  const given = optionsObject(options, 'options', known);
  const number = (key: string, least: number, most: number): number | null =>
    optionalInteger(given[key], `options.${key}`, least, most) ?? null;
  return [
    to,
    {
      size: number('size', 1, Number.MAX_SAFE_INTEGER),
      inodes: number('inodes', 1, Number.MAX_SAFE_INTEGER),
      mode: number('mode', 0, 0o7777),
      uid: number('uid', 0, maxId),
      gid: number('gid', 0, maxId),
    },
    attributeChange(given, 'options'),
    mountInterface(given.interface, 'options.interface'),
  ];
}

/**
 * Mounts a new filesystem in memory on a directory.
 *
 * @throws OverlayError `ENOENT` if the directory does not exist, `ENOTDIR` if it is none, `EINVAL` if the
 * owner has no mapping in the user namespace, `EPERM` without CAP_SYS_ADMIN. Nothing is mounted then.
 * @see tmpfs(5)
 */
export async function mountTmpfs(target: PathLike, options?: TmpfsOptions): Promise<MadeMount> {
  const args = tmpfsArguments(target, options);
  return madeMount(unwrap(await native().mountTmpfs(...args, false)));
}

/** Like `mountTmpfs`, blocking. */
export function mountTmpfsSync(target: PathLike, options?: TmpfsOptions): MadeMount {
  return madeMount(unwrap(native().mountTmpfs(...tmpfsArguments(target, options), true)));
}

function moveArguments(
  source: unknown,
  target: unknown,
  options: unknown,
): [Buffer, Buffer, boolean, NativeInterface] {
  const from = absolutePath(source, 'source');
  const to = absolutePath(target, 'target');
  const given = optionsObject(options, 'options', ['beneath', 'interface']);
  return [
    from,
    to,
    optionalBoolean(given.beneath, 'options.beneath') ?? false,
    mountInterface(given.interface, 'options.interface'),
  ];
}

/**
 * Moves a mount, with what is mounted below it, to another place. Open files and working directories
 * on it stay valid.
 *
 * @throws OverlayError `ENOENT` if one of both does not exist, `EINVAL` if the source is no mount point,
 * its parent is a shared mount, it is the root, a user namespace inherited it, or one of both is a
 * directory and the other is not, `ELOOP` if the target lies on the source, `ENOSYS` for `beneath` before
 * Linux 6.5, `EPERM` without CAP_SYS_ADMIN.
 * @see move_mount(2)
 */
export async function moveMount(
  source: PathLike,
  target: PathLike,
  options?: MoveMountOptions,
): Promise<void> {
  const args = moveArguments(source, target, options);
  unwrap(await native().moveMountPoint(...args, false));
}

/** Like `moveMount`, blocking. */
export function moveMountSync(
  source: PathLike,
  target: PathLike,
  options?: MoveMountOptions,
): void {
  unwrap(native().moveMountPoint(...moveArguments(source, target, options), true));
}

type ChangeArguments = [Buffer, boolean, NativeAttributeChange, NativeInterface];

function remountArguments(target: unknown, options: unknown): ChangeArguments {
  const path = absolutePath(target, 'target');
  const given = optionsObject(options, 'options', [...attributeNames, 'interface']);
  const change = attributeChange(given, 'options');
  if ((change.set | change.clear) === 0) {
    throw argumentValue('options', `must name one of ${attributeNames.join(', ')}`);
  }
  return [path, false, change, mountInterface(given.interface, 'options.interface')];
}

/**
 * Changes attributes of what is mounted at a mount point: those named, and no other. (A `mount -o
 * remount,bind,ro` drops nosuid, nodev and noexec.) Mounts below, and other mounts of the same
 * filesystem, keep theirs.
 *
 * @throws OverlayError `ENOENT` if the mount point does not exist, `EINVAL` if nothing is mounted there,
 * `EBUSY` for `readOnly` while a file is open for writing through the mount, `EPERM` without
 * CAP_SYS_ADMIN and where a user namespace may not drop an attribute it inherited.
 * @see mount_setattr(2)
 */
export async function remount(target: PathLike, options: RemountOptions): Promise<void> {
  const args = remountArguments(target, options);
  unwrap(await native().changeMount(...args, false));
}

/** Like `remount`, blocking. */
export function remountSync(target: PathLike, options: RemountOptions): void {
  unwrap(native().changeMount(...remountArguments(target, options), true));
}

function propagationArguments(
  target: unknown,
  propagation: unknown,
  options: unknown,
): ChangeArguments {
  const path = absolutePath(target, 'target');
  const flag = propagationFlag(propagation, 'propagation');
  const given = optionsObject(options, 'options', ['recursive', 'interface']);
  return [
    path,
    optionalBoolean(given.recursive, 'options.recursive') ?? false,
    { set: 0, clear: 0, propagation: flag, usernsFd: 0 },
    mountInterface(given.interface, 'options.interface'),
  ];
}

/**
 * Says where mounts made below this one appear too. A program that mounts for itself only makes a
 * mount namespace and then `/` recursively private.
 *
 * @throws OverlayError `ENOENT` if the mount point does not exist, `EINVAL` if nothing is mounted there,
 * `EPERM` without CAP_SYS_ADMIN.
 * @see mount_namespaces(7)
 */
export async function setPropagation(
  target: PathLike,
  propagation: Propagation,
  options?: SetPropagationOptions,
): Promise<void> {
  const args = propagationArguments(target, propagation, options);
  unwrap(await native().changeMount(...args, false));
}

/** Like `setPropagation`, blocking. */
export function setPropagationSync(
  target: PathLike,
  propagation: Propagation,
  options?: SetPropagationOptions,
): void {
  unwrap(native().changeMount(...propagationArguments(target, propagation, options), true));
}
