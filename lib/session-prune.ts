/** Removing what nobody needs any more. */
import { integer, optionalBoolean, optionsObject } from './arguments.ts';
import { OverlayError } from './errors.ts';
import { lstat, readdir } from './files.ts';
import { sessionDirectory } from './sandbox-options.ts';
import type { Bases } from './session-bases.ts';
import { dependentsOf, recordedBases, stackedFirst } from './session-bases.ts';
import { checkNotPending } from './session-directories.ts';
import type { Session, SessionRest } from './session-list.ts';
import { isSession, listSessions, sessionAt } from './session-list.ts';
import { SessionLock } from './session-lock.ts';
import type { DiscardOptions } from './session-removal.ts';
import { checkUnmounted, removeLocked } from './session-removal.ts';
import { readSession } from './session-store.ts';
import { someAtOnce } from './some-at-once.ts';

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
    if ((await dependentsOf(name, directory)).length > 0) {
      return false;
    }
    if (isSession(found)) {
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

/** Without bases of what stays. */
function withoutBases(
  candidates: readonly Candidate[],
  all: readonly Found[],
  bases: Bases,
): Candidate[] {
  const going = new Set(candidates.filter(({ error }) => error === undefined).map((c) => c.found));
  const carries = ({ name }: Found): boolean =>
    all.some((other) => bases.get(other.name) === name && !going.has(other));
  for (let before = -1; before !== going.size; ) {
    before = going.size;
    for (const found of going) {
      if (carries(found)) {
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
  return (await pruneAmong(options)).pruned;
}

/** The same, and everything that was there. */
export async function pruneAmong(
  options?: PruneOptions,
): Promise<{ readonly pruned: Pruned[]; readonly all: readonly Found[] }> {
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
  const bases = await recordedBases(directory);
  const candidates = await someAtOnce(all, (found) => candidateOf(found, rule));
  const chosen = withoutBases(
    candidates.filter((each) => each !== undefined),
    all,
    bases,
  );
  const pruned: Pruned[] = [];
  for (const { found, why, error } of stackedFirst(chosen, (each) => each.found.name, bases)) {
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
  return { pruned, all };
}
