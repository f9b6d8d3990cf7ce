/** Copying sessions. */

import type { PathLike } from './arguments.ts';
import { optionalFunction, optionalSignal, optionsObject } from './arguments.ts';
import { AbortError } from './errors.ts';
import { lstat, mkdir } from './files.ts';
import { native, unwrap } from './native.ts';
import { joined, parentOf } from './path-bytes.ts';
import { sessionDirectory } from './sandbox-options.ts';
import { checkDirectories, checkNotPending } from './session-directories.ts';
import {
  brokenSession,
  cloneOfRun,
  cloneOfTrusted,
  indexedSession,
  sessionExists,
} from './session-errors.ts';
import type { Session } from './session-list.ts';
import { findSession } from './session-list.ts';
import { SessionLock } from './session-lock.ts';
import type { SessionRecord } from './session-record.ts';
import { checkUnmounted } from './session-removal.ts';
import {
  createFilled,
  findPath,
  pathOfSession,
  readSession,
  sessionName,
} from './session-store.ts';

export interface CloneProgress {
  /** Files, directories and whatever else is in the copy by now. */
  readonly entries: number;
  /** Bytes that were copied; what shares blocks with the original is not. */
  readonly bytes: number;
}

export interface CloneSessionOptions {
  /** As of `createSandbox`; the clone lies beside the original. */
  readonly directory?: PathLike;
  /** Ends it; nothing is left of the clone. */
  readonly signal?: AbortSignal;
  /** Called every 20 ms or so. */
  readonly onProgress?: (progress: CloneProgress) => void;
}

/** How long ones are copied. */
interface Copying {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: CloneProgress) => void) | undefined;
}

/** Where that cannot be, or the copy would mean something else. */
async function checkClonable(path: Buffer, record: SessionRecord): Promise<void> {
  const { name, ephemeral, userxattr, overlays, state } = record;
  if (ephemeral) {
    throw cloneOfRun(name, path);
  }
  if (!userxattr && !native().canReadTrusted()) {
    throw cloneOfTrusted(name, path);
  }
  if (state === 'new') {
    throw brokenSession(name, path, 'nothing was ever mounted of it, so there is nothing to copy');
  }
  for (const [i, { target }] of overlays.entries()) {
    const index = joined(path, `${i}`, 'work', 'index');
    if ((await lstat(index).catch(() => undefined)) !== undefined) {
      throw indexedSession(name, index, target.toString());
    }
  }
  await checkUnmounted(path, name);
}

async function copyUpper(
  from: Buffer,
  to: Buffer,
  before: CloneProgress,
  { signal, onProgress }: Copying,
): Promise<CloneProgress> {
  const opened = await native().openUpperCopy(from, to);
  const copy = unwrap(opened);
  try {
    for (;;) {
      if (signal?.aborted) {
        throw new AbortError(signal.reason);
      }
      const { more, entries, bytes } = unwrap(await native().nextUpperCopy(copy));
      const all = { entries: before.entries + entries, bytes: before.bytes + bytes };
      onProgress?.(all);
      if (!more) {
        return all;
      }
    }
  } finally {
    unwrap(await native().closeUpperCopy(copy));
  }
}

/**
 * Makes a session that holds what another one holds, of the same directories and on the same base; from then
 * on each goes its own way. What is in it is copied with everything that means something to the kernel and
 * to programs, sharing blocks with the original where the filesystem can. The original is locked meanwhile.
 * What has changed in the directories since the *original* was made is a conflict for both.
 *
 * @throws OverlayError `ENOENT` where there is no session of that name, `EEXIST` where there is one of the
 * new name, `EBUSY` where somebody works with the original, `ERR_SESSION_BROKEN` where it is not whole,
 * `EINVAL` for that of a run without a name, `EPERM` for one of root, `ENOTSUP` where another program has
 * mounted it with an index; `EACCES` where something in it may not be read, `ENOSPC` and what else copying gives.
 * Then nothing is left of the clone.
 */
export async function cloneSession(
  name: string,
  newName: string,
  options?: CloneSessionOptions,
): Promise<Session> {
  const given = optionsObject(options, 'options', ['directory', 'signal', 'onProgress']);
  const directory = sessionDirectory(given.directory, 'options.directory');
  const copying: Copying = {
    signal: optionalSignal(given.signal, 'options.signal'),
    onProgress: optionalFunction(given.onProgress, 'options.onProgress'),
  };
  const wanted = sessionName(name, 'name');
  const made = sessionName(newName, 'newName');
  const path = await pathOfSession(wanted, directory);
  const lock = await SessionLock.take(path, wanted);
  try {
    const { record } = await readSession(path, wanted);
    await checkClonable(path, record);
    checkDirectories({ path, record });
    await checkNotPending({ path, record });
    const other = await findPath(made, directory);
    if (other !== undefined) {
      throw sessionExists(made, other);
    }
    const root = parentOf(path);
    const clone = await createFilled(root, { ...record, name: made }, async (draft) => {
      let done: CloneProgress = { entries: 0, bytes: 0 };
      for (const [i] of record.overlays.entries()) {
        await mkdir(joined(draft, `${i}`, 'work'), { mode: 0o700 });
        const [from, to] = [joined(path, `${i}`, 'upper'), joined(draft, `${i}`, 'upper')];
        done = await copyUpper(from, to, done, copying);
      }
    });
    await clone.lock.release();
    return await findSession(made, { directory: root });
  } finally {
    await lock.release();
  }
}
