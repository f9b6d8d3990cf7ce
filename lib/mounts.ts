import type { PathLike } from './arguments.ts';
import { absolutePath, optionalBoolean, optionsObject } from './arguments.ts';
import { umountFlags } from './mount-flags.ts';
import { native, unwrap } from './native.ts';

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
