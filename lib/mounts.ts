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
