/** Removing sessions, whole. */

import type { PathLike } from './arguments.ts';
import { optionsObject } from './arguments.ts';
import { errorFromFailure, OverlayError } from './errors.ts';
import { freshDigits } from './fresh-name.ts';
import { native, unwrap } from './native.ts';
import { joined, parentOf } from './path-bytes.ts';
import { sessionDirectory } from './sandbox-options.ts';
import { dependentsOf } from './session-bases.ts';
import { checkNotPending } from './session-directories.ts';
import { sessionHasDependents } from './session-errors.ts';
import { halfRemoved } from './session-kind.ts';
import { SessionLock } from './session-lock.ts';
import { pathOfSession, readSession, sessionName } from './session-store.ts';
import { finishRemoval, removeTree } from './tree-removal.ts';

/**
 * Removes a session that is locked, and lets go of the lock. First it gets a name that no session has, so that what is
 * left of it after a failure is known for what it is. Where somebody else has removed it nothing is left to do.
 */
export async function removeLocked(path: Buffer, lock: SessionLock): Promise<void> {
  if (lock.retired !== undefined) {
    await removeTree(lock.retired);
    await lock.release();
    return;
  }
  const retired = joined(parentOf(path), `${halfRemoved}${freshDigits()}`);
  const outcome = await native().retireSession(path, retired, lock.held);
  if ('failure' in outcome) {
    if (outcome.failure.syscall === 'renameat2') {
      throw errorFromFailure(outcome.failure, {
        hint: 'the session could not be taken out of use',
      });
    }
    lock.retired = retired;
    await finishRemoval(retired, outcome);
    await lock.release();
  }
}

/** The second one: a draft, of which it is known that it is one. */
const unknown: ReadonlySet<string> = new Set(['ERR_SESSION_BROKEN', 'ERR_SESSION_FOREIGN']);

/** By another program than this library, which knows nothing of locks. */
export async function checkUnmounted(path: Buffer, name: string): Promise<void> {
  const stored = await readSession(path, name).catch((error: unknown) => {
    if (error instanceof OverlayError && unknown.has(error.code)) {
      return undefined; // what it consists of cannot be told
    }
    throw error;
  });
  if (stored?.record.state !== 'ready') {
    return;
  }
  for (const [i] of stored.record.overlays.entries()) {
    const [upper, work] = [joined(path, `${i}`, 'upper'), joined(path, `${i}`, 'work')];
    unwrap(await native().checkUpperFree(upper, work));
  }
}

export interface DiscardOptions {
  /** As of `createSandbox`. */
  readonly directory?: PathLike;
}

/** One that we have locked. Where it is removed the lock goes with it. */
export async function discardLocked(
  lock: SessionLock,
  path: Buffer,
  name: string,
  directory: Buffer | undefined,
): Promise<void> {
  const dependents = await dependentsOf(name, directory);
  if (dependents.length > 0) {
    throw sessionHasDependents(name, path, dependents);
  }
  await checkUnmounted(path, name);
  await removeLocked(path, lock);
}

/**
 * Removes a session with everything in it, whatever the modes of its directories are. It goes through
 * open directories, follows no link and enters no mount.
 *
 * @throws OverlayError `ENOENT` where there is none of that name, `EBUSY` where somebody works with it
 * or another session is stacked on it, `ERR_SESSION_BROKEN` where what is there is not whole (see
 * `pruneSessions`), `EXDEV` where something is mounted inside, `EACCES` or `EPERM` where something in it
 * belongs to somebody else who is none of the user's subordinate ids.
 */
export async function discardSession(name: string, options?: DiscardOptions): Promise<void> {
  const given = optionsObject(options, 'options', ['directory']);
  const directory = sessionDirectory(given.directory, 'options.directory');
  const wanted = sessionName(name, 'name');
  const path = await pathOfSession(wanted, directory);
  await readSession(path, wanted);
  const lock = await SessionLock.take(path, wanted);
  try {
    await checkNotPending(await readSession(path, wanted));
    await discardLocked(lock, path, wanted, directory);
  } finally {
    await lock.release();
  }
}
