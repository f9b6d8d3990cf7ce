import type { PathLike } from './arguments.ts';
import { absolutePath } from './arguments.ts';
import { native, unwrap } from './native.ts';

/**
 * Makes a mounted overlay see what was changed in its lowers behind its back: cached names, also those
 * of files that were not there, and cached files are dropped.
 *
 * What somebody uses at this moment stays as it was looked up: an open or mapped file, a working
 * directory, and the directories above them. They are found anew after they are let go of and the
 * overlay is refreshed again. The listing of a directory is the old one for as long as anybody has that
 * directory open; then it is read anew by itself. Content that was written into a lower file in place
 * needs no refresh.
 *
 * The mount keeps its flags, nothing is written to disk, and it works with writers at it. Whether the
 * kernel should let layers be changed under a mount is another matter: it calls the result undefined.
 *
 * @throws OverlayError `EINVAL` if the target is not the mount point of an overlay, `EPERM` without
 * CAP_SYS_ADMIN in the user namespace in which it was mounted.
 * @see fspick(2), fsconfig(2) with FSCONFIG_CMD_RECONFIGURE. Linux 5.2.
 */
export async function refreshOverlay(target: PathLike): Promise<void> {
  const path = absolutePath(target, 'target');
  unwrap(await native().refreshOverlay(path, false));
}

/** Like `refreshOverlay`, blocking. */
export function refreshOverlaySync(target: PathLike): void {
  unwrap(native().refreshOverlay(absolutePath(target, 'target'), true));
}
