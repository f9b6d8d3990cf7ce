/** Removing sessions, whole. */

import type { PathLike } from './arguments.ts';
import { integer, optionalBoolean, optionsObject } from './arguments.ts';
import { errorFromFailure, OverlayError } from './errors.ts';
import { lstat, readdir } from './files.ts';
import { freshDigits } from './fresh-name.ts';
import { native, unwrap } from './native.ts';
import { joined, parentOf } from './path-bytes.ts';
import { sessionDirectory } from './sandbox-options.ts';
import { checkNotPending } from './session-directories.ts';
import { sessionHasDependents } from './session-errors.ts';
import { halfRemoved } from './session-kind.ts';
import type { Session, SessionRest } from './session-list.ts';
import { dependentsOf, isSession, listSessions, sessionAt } from './session-list.ts';
import { pathOfSession, readSession, SessionLock, sessionName } from './session-store.ts';
import { finishRemoval } from './tree-removal.ts';

/**
 * Removes a session that is locked, and lets go of the lock. First it gets a name that no session has, so that
 * what is left of it after a failure is known for what it is.
 */
export async function removeLocked(path: Buffer, lock: SessionLock): Promise<void> {
  const retired = joined(parentOf(path), `${halfRemoved}${freshDigits()}`);
  const outcome = await native().retireSession(path, retired, lock.fd);
  if ('failure' in outcome && outcome.failure.syscall === 'renameat2') {
    throw errorFromFailure(outcome.failure, { hint: 'the session could not be taken out of use' });
  }
  if ('value' in outcome) {
    lock.closed();
  } else {
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
    throw sessionHasDependents(name, dependents);
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

export interface PruneOptions extends DiscardOptions {
  /** Also sessions that nobody has used for so many milliseconds. Default: none. */
  readonly unusedFor?: number;
  /** Also what is damaged, unless it is of a newer version. Default: false. */
  readonly broken?: boolean;
  /** Only say what would be removed. Default: false. */
  readonly dryRun?: boolean;
}

export interface Pruned {
  readonly name: string;
  readonly path: string;
  readonly pathBytes: Buffer;
  readonly why: 'abandoned' | 'unused' | SessionRest['problem'];
  /** Undefined: it was removed, or would be. */
  readonly error: OverlayError | undefined;
}

type Found = Session | SessionRest;

interface Rule {
  readonly unusedFor: number;
  readonly broken: boolean;
}

/**
 * A draft is locked before anything is put in it, so an empty one may be somebody's who has just made it.
 * That takes him microseconds.
 */
const beingMade = 1000;

async function maybeBeingMade(path: Buffer): Promise<boolean> {
  const [{ mtimeMs }, names] = await Promise.all([lstat(path), readdir(path)]);
  return names.length === 0 && Math.abs(Date.now() - mtimeMs) < beingMade;
}

async function reason(found: Found, rule: Rule): Promise<Pruned['why'] | undefined> {
  if (found.user !== undefined) {
    return undefined;
  }
  if (isSession(found)) {
    const unused = Date.now() - found.used.getTime() >= rule.unusedFor;
    return found.ephemeral ? 'abandoned' : unused ? 'unused' : undefined;
  }
  const { problem, pathBytes: path } = found;
  if (problem === 'half-made') {
    return (await maybeBeingMade(path).catch(() => true)) ? undefined : problem;
  }
  return problem === 'half-removed' || (problem === 'damaged' && rule.broken) ? problem : undefined;
}

/** Undefined where it went, or somebody came, since it was looked at: then there is nothing to be told. */
async function lockFound({ pathBytes: path, name }: Found): Promise<SessionLock | undefined> {
  try {
    return await SessionLock.take(path, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EBUSY') {
      return undefined;
    }
    throw error;
  }
}

/** Now that it is ours: somebody may have worked with it, and ended, since it was looked at. */
async function stillWanted({ pathBytes: path, name }: Found, why: Pruned['why'], rule: Rule) {
  const found = await sessionAt(path, name);
  return found !== undefined && (await reason({ ...found, user: undefined }, rule)) === why;
}

/** @returns whether it was removed: it stays where somebody has come meanwhile, or is stacked on it. */
async function remove(
  found: Found,
  why: Pruned['why'],
  rule: Rule,
  directory: Buffer | undefined,
): Promise<boolean> {
  const { pathBytes: path, name } = found;
  const lock = await lockFound(found);
  if (lock === undefined) {
    return false;
  }
  try {
    if (!(await stillWanted(found, why, rule))) {
      return false;
    }
    if (isSession(found)) {
      if ((await dependentsOf(name, directory)).length > 0) {
        return false;
      }
      await checkNotPending(await readSession(path, name));
    }
    await checkUnmounted(path, name);
    await removeLocked(path, lock);
    return true;
  } finally {
    await lock.release();
  }
}

interface Candidate {
  readonly found: Found;
  readonly why: Pruned['why'];
  /** What keeps it. */
  readonly error: OverlayError | undefined;
}

async function candidateOf(found: Found, rule: Rule): Promise<Candidate | undefined> {
  const why = await reason(found, rule);
  if (why === undefined) {
    return undefined;
  }
  const { pathBytes: path, name } = found;
  const check = async (): Promise<void> => checkNotPending(await readSession(path, name));
  const error = isSession(found) && found.applyPending ? await failureOf(check) : undefined;
  return { found, why, error };
}

async function failureOf(work: () => Promise<unknown>): Promise<OverlayError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof OverlayError) {
      return error;
    }
    throw error;
  }
}

const baseOf = (found: Found): string | undefined => (isSession(found) ? found.base : undefined);

/** How many sessions it is stacked on, one on the other. */
function height(found: Found, all: readonly Found[]): number {
  let count = 0;
  let base = baseOf(found);
  while (base !== undefined && count < all.length) {
    count++;
    const name: string = base;
    const below = all.find((each) => each.name === name);
    base = below && baseOf(below);
  }
  return count;
}

/** Those that are stacked on others come first, since nothing can be removed beneath them. */
export function stackedFirst<T extends { readonly found: Found }>(
  some: readonly T[],
  all: readonly Found[],
): T[] {
  return [...some].sort((a, b) => height(b.found, all) - height(a.found, all));
}

/** Without bases of what stays. */
function withoutBases(candidates: readonly Candidate[], all: readonly Found[]): Candidate[] {
  const going = new Set(candidates.filter(({ error }) => error === undefined).map((c) => c.found));
  const carries = ({ name }: Found): boolean =>
    all.some((other) => baseOf(other) === name && !going.has(other));
  for (let before = -1; before !== going.size; ) {
    before = going.size;
    for (const found of going) {
      if (isSession(found) && carries(found)) {
        going.delete(found);
      }
    }
  }
  return candidates.filter(({ found, error }) => error !== undefined || going.has(found));
}

/**
 * Removes what nobody needs any more: sessions that were half made or half removed, and those without a
 * name whose process was killed; on request old and damaged ones. What is in use, and what others are
 * stacked on that stay, stays; so does a session whose apply was interrupted, with an `error`. What is no session
 * at all is never touched.
 */
export async function pruneSessions(options?: PruneOptions): Promise<Pruned[]> {
  const given = optionsObject(options, 'options', ['directory', 'unusedFor', 'broken', 'dryRun']);
  const directory = sessionDirectory(given.directory, 'options.directory');
  const rule = {
    unusedFor:
      given.unusedFor === undefined
        ? Number.POSITIVE_INFINITY
        : integer(given.unusedFor, 'options.unusedFor', 0, Number.MAX_SAFE_INTEGER),
    broken: optionalBoolean(given.broken, 'options.broken') ?? false,
  };
  const dryRun = optionalBoolean(given.dryRun, 'options.dryRun') ?? false;
  const all = await listSessions(directory === undefined ? {} : { directory });
  const candidates = await Promise.all(all.map((found) => candidateOf(found, rule)));
  const chosen = withoutBases(
    candidates.filter((each) => each !== undefined),
    all,
  );
  const pruned: Pruned[] = [];
  for (const { found, why, error } of stackedFirst(chosen, all)) {
    const { name, path, pathBytes } = found;
    if (error !== undefined || dryRun) {
      pruned.push({ name, path, pathBytes, why, error });
      continue;
    }
    let removed = false;
    const failed = await failureOf(async () => {
      removed = await remove(found, why, rule, directory);
    });
    if (removed || failed !== undefined) {
      pruned.push({ name, path, pathBytes, why, error: failed });
    }
  }
  return pruned;
}
