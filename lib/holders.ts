import type { PathLike } from './arguments.ts';
import { absolutePath, optionalSignal, optionsObject } from './arguments.ts';
import type { Failure, Findings } from './errors.ts';
import { AbortError, errorFromFailure, OverlayError } from './errors.ts';
import type { MountHolders } from './holder.ts';
import { busyText } from './holder.ts';
import { native, unwrap } from './native.ts';
import type { NativeHolders } from './native-unmounting.ts';

export interface FindHoldersOptions {
  /** Stops the search. */
  readonly signal?: AbortSignal;
}

function mountHolders(found: NativeHolders): MountHolders {
  return {
    holders: found.holders.map(({ pid, command, args, holds, omitted, copy }) => ({
      pid,
      command: command.toString(),
      args: args.map(String),
      holds: holds.map(({ kind, fd, path }) => ({
        kind,
        path: path.toString(),
        pathBytes: path,
        ...(kind === 'fd' ? { fd } : {}),
      })),
      omitted,
      copy,
    })),
    submounts: found.submounts.map(({ mountId, fstype, target }) => ({
      mountId,
      fstype: fstype.toString(),
      target: target.toString(),
      targetBytes: target,
    })),
    copies: found.copies.map(({ namespace, pid, command, target }) => ({
      namespace,
      pid,
      command: command.toString(),
      target: target.toString(),
      targetBytes: target,
    })),
    unreadable: found.unreadable,
  };
}

async function search(target: Buffer, signal: AbortSignal | undefined): Promise<MountHolders> {
  const stopIfAborted = (): void => {
    if (signal?.aborted) {
      throw new AbortError(signal.reason);
    }
  };
  stopIfAborted();
  const started = unwrap(await native().openHolders(target, false));
  for (;;) {
    stopIfAborted();
    const found = unwrap(await native().nextHolders(started, false));
    if (found !== null) {
      return mountHolders(found);
    }
  }
}

function searchSync(target: Buffer): MountHolders {
  const started = unwrap(native().openHolders(target, true));
  for (;;) {
    const found = unwrap(native().nextHolders(started, true));
    if (found !== null) {
      return mountHolders(found);
    }
  }
}

/**
 * Who holds a mount, so that it cannot be unmounted: processes that work in it, run a program of it,
 * have a file of it open or mapped; mounts below it; and copies of it in other mount namespaces.
 *
 * Any mount will do, not overlays only. It goes by mount ids, not by paths (but for mapped files
 * outside of the initial user namespace, where the kernel does not let them be told apart). What
 * `/proc` shows is what is found: processes of one's own pid namespace, and nothing of what the kernel
 * itself holds, such as a loop device, a ring of io_uring, or a descriptor on its way through a socket.
 *
 * @param target The mount point.
 * @throws OverlayError `EINVAL` if nothing is mounted there.
 * @throws AbortError when the `signal` fires.
 * @see proc(5)
 */
export async function findHolders(
  target: PathLike,
  options?: FindHoldersOptions,
): Promise<MountHolders> {
  const path = absolutePath(target, 'target');
  const given = optionsObject(options, 'options', ['signal']);
  return await search(path, optionalSignal(given.signal, 'options.signal'));
}

/** Like `findHolders`, blocking. */
export function findHoldersSync(target: PathLike): MountHolders {
  return searchSync(absolutePath(target, 'target'));
}

const EBUSY = 16;

/** The kernel said so: somebody uses the mount. Our own refusals have a reason already. */
export function isBusy({ errno, syscall, reason }: Failure): boolean {
  return errno === EBUSY && syscall === 'umount2' && reason === '';
}

/** That the holders cannot be found must not hide what it was about. */
function notFound(error: unknown): { readonly hint: string } {
  if (!(error instanceof OverlayError)) {
    throw error;
  }
  return { hint: `who holds it could not be found out (${error.message})` };
}

/** What is known of an unmounting beside its failure. */
export interface Unmounting {
  /** The mount points that went before. */
  readonly unmounted?: readonly string[];
  /** It cannot be detached lazily: its upper is removed with it. */
  readonly neverLazy?: boolean;
}

function findings(found: MountHolders, { neverLazy = false }: Unmounting): Findings {
  return { hint: busyText(found, !neverLazy), holders: found.holders };
}

/** The error of a failed unmounting; where the mount is busy it names who holds it. */
export async function explainBusy(failure: Failure, about: Unmounting = {}): Promise<OverlayError> {
  const found =
    isBusy(failure) && failure.path !== null
      ? await search(failure.path, undefined).then((all) => findings(all, about), notFound)
      : {};
  return errorFromFailure(failure, { ...found, unmounted: about.unmounted ?? [] });
}

/** Like `explainBusy`, blocking. */
export function explainBusySync(failure: Failure, about: Unmounting = {}): OverlayError {
  let found: Findings = {};
  if (isBusy(failure) && failure.path !== null) {
    try {
      found = findings(searchSync(failure.path), about);
    } catch (error) {
      found = notFound(error);
    }
  }
  return errorFromFailure(failure, { ...found, unmounted: about.unmounted ?? [] });
}
