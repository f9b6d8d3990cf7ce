import type { PathLike } from './arguments.ts';
import { absolutePath, optionalBoolean, optionsObject } from './arguments.ts';
import { umountFlags } from './mount-flags.ts';
import type { NativeOverlay } from './native.ts';
import { native, unwrap } from './native.ts';

/** An overlay in the mount table. */
export interface OverlayMount {
  readonly target: string;
  readonly targetBytes: Buffer;
  readonly source: string;
  /** In the mount table (`/proc/self/mountinfo`); used again after an unmount. */
  readonly mountId: number;
  readonly parentId: number;
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
  /** The mount, or the whole overlay, is read-only. */
  readonly readOnly: boolean;
  readonly userxattr: boolean;
  /** Every other option that differs from the kernel's default. */
  readonly options: readonly string[];
}

function isReadOnly(options: Buffer): boolean {
  return options.toString('latin1').split(',').includes('ro');
}

function overlayMount(found: NativeOverlay): OverlayMount {
  return {
    target: found.target.toString(),
    targetBytes: found.target,
    source: found.source.toString(),
    mountId: found.mountId,
    parentId: found.parentId,
    lower: found.lower.map(String),
    lowerBytes: found.lower,
    dataLower: found.dataLower.map(String),
    dataLowerBytes: found.dataLower,
    upper: found.upper?.toString(),
    upperBytes: found.upper ?? undefined,
    work: found.work?.toString(),
    workBytes: found.work ?? undefined,
    readOnly: isReadOnly(found.mountOptions) || isReadOnly(found.superOptions),
    userxattr: found.userxattr,
    options: found.options.map(String),
  };
}

/**
 * Every overlay in this mount namespace, in the order of the mount table.
 *
 * @see proc_pid_mountinfo(5)
 */
export async function listOverlays(): Promise<OverlayMount[]> {
  return unwrap(await native().listOverlays(false)).map(overlayMount);
}

/** Like `listOverlays`, blocking. */
export function listOverlaysSync(): OverlayMount[] {
  return unwrap(native().listOverlays(true)).map(overlayMount);
}

export interface UnmountOptions {
  /** Detach at once even if it is in use (MNT_DETACH). */
  readonly lazy?: boolean;
  /** Abort what is pending, where the filesystem can (MNT_FORCE); without effect on an overlay. */
  readonly force?: boolean;
  /** Unmount whatever is there. Default: overlays only. */
  readonly any?: boolean;
}

function unmountArguments(target: unknown, options: unknown): [Buffer, number, boolean] {
  const path = absolutePath(target, 'target');
  const given = optionsObject(options, 'options', ['lazy', 'force', 'any']);
  const lazy = optionalBoolean(given.lazy, 'options.lazy') ? umountFlags.MNT_DETACH : 0;
  const force = optionalBoolean(given.force, 'options.force') ? umountFlags.MNT_FORCE : 0;
  return [path, lazy | force, optionalBoolean(given.any, 'options.any') ?? false];
}

/**
 * Unmounts the overlay at a mount point, whoever mounted it. A symbolic link is resolved first.
 *
 * @throws OverlayError `EINVAL` if nothing is mounted there or it is no overlay, `EBUSY` while it is
 * in use, `EPERM` without CAP_SYS_ADMIN.
 * @see umount(2)
 */
export async function unmount(target: PathLike, options?: UnmountOptions): Promise<void> {
  const args = unmountArguments(target, options);
  unwrap(await native().unmountAt(...args, false));
}

/** Like `unmount`, blocking. */
export function unmountSync(target: PathLike, options?: UnmountOptions): void {
  const args = unmountArguments(target, options);
  unwrap(native().unmountAt(...args, true));
}
