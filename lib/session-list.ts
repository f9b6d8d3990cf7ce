/** What sessions there are. */

import type { Dir } from 'node:fs';
import { basename } from 'node:path';
import type { PathLike } from './arguments.ts';
import { absolutePath, optionsObject } from './arguments.ts';
import type { Layers } from './change-source.ts';
import { argumentType, argumentValue, OverlayError } from './errors.ts';
import { lstat, lstatExactly, opendir } from './files.ts';
import { joined, parentOf, textOrBytes } from './path-bytes.ts';
import { sessionDirectory } from './sandbox-options.ts';
import { checkDirectories, ownPending } from './session-directories.ts';
import { missing, noSuchSession } from './session-errors.ts';
import { draftKind, isSessionName } from './session-kind.ts';
import { userOf } from './session-lock.ts';
import type { RecordedEnd, SessionRecord } from './session-record.ts';
import type { StoredSession } from './session-store.ts';
import {
  lastUsed,
  pathOfSession,
  readSession,
  sessionName,
  storedEntries,
} from './session-store.ts';
import { overlaysAt } from './session-target.ts';
import { someAtOnce } from './some-at-once.ts';

export interface SessionOverlay {
  readonly target: string;
  readonly targetBytes: Buffer;
  /** For `changes()`: what the session has changed below the target. */
  readonly layers: Layers;
}

/** A session that is whole. */
export interface Session {
  readonly name: string;
  /** Its directory. */
  readonly path: string;
  readonly pathBytes: Buffer;
  /** Not to be kept: that of a run which goes on, or was killed. */
  readonly ephemeral: boolean;
  readonly created: Date;
  /** When a sandbox was last made on it. */
  readonly used: Date;
  readonly overlays: readonly SessionOverlay[];
  /** The session it is stacked on. */
  readonly base: string | undefined;
  /** Its programs had the user's subordinate ids (subuid(5)), so that files of these may be in it. */
  readonly subordinateIds: boolean;
  /** How the program that was run last has ended. */
  readonly last: RecordedEnd | undefined;
  /** The process that works with it; undefined if none does. */
  readonly user: number | undefined;
  /** An apply of it was interrupted after its first change: it can be neither entered nor discarded before that is ended. */
  readonly applyPending: boolean;
}

/**
 * Something in a directory of sessions that is none. `'half-made'` and `'half-removed'`: what was killed
 * on the way; `'newer'`: that of a newer version; `'damaged'`: a session that this version cannot have left so;
 * `'unreadable'`: what cannot be looked at, so that nothing is known of it; `'foreign'`: anything else, which has nothing to do with sessions and is left alone.
 */
export interface SessionRest {
  readonly name: string;
  readonly path: string;
  readonly pathBytes: Buffer;
  readonly problem: 'half-made' | 'half-removed' | 'newer' | 'damaged' | 'unreadable' | 'foreign';
  /** What is wrong with it. */
  readonly message: string;
  readonly user: number | undefined;
}

export interface SessionsOptions {
  /** As of `createSandbox`. */
  readonly directory?: PathLike;
}

export interface SessionSize {
  /** What its files occupy, in bytes. */
  readonly bytes: number;
  readonly entries: number;
  /** Directories that may not be read, and are not counted. */
  readonly unreadable: number;
}

function overlaysOf(path: Buffer, record: SessionRecord): SessionOverlay[] {
  return record.overlays.map(({ target, lower }, i) => ({
    target: target.toString(),
    targetBytes: target,
    layers: {
      upper: textOrBytes(joined(path, `${i}`, 'upper')),
      lower,
      xattrs: record.userxattr ? 'user' : 'trusted',
    },
  }));
}

/** As it is said, and as it is. */
function bothForms(path: Buffer): Pick<Session, 'path' | 'pathBytes'> {
  return { path: path.toString(), pathBytes: path };
}

/** One that cannot be read may be its. */
async function isPending(stored: StoredSession): Promise<boolean> {
  try {
    return (await ownPending(stored)) !== undefined;
  } catch (error) {
    if (error instanceof OverlayError) {
      return true;
    }
    throw error;
  }
}

/** What was read of one, and how it is now. */
export async function described(stored: StoredSession): Promise<Session> {
  const { path, record } = stored;
  const { name, ephemeral, created, base, subordinateIds, last } = record;
  return {
    ...{ name, ...bothForms(path), ephemeral, created, base, subordinateIds, last },
    used: await lastUsed(path),
    overlays: overlaysOf(path, record),
    user: (await userOf(path)) || undefined,
    applyPending: await isPending(stored),
  };
}

/** A failure to look, of whatever kind, says nothing about what is there. */
const problems: Readonly<Record<string, SessionRest['problem']>> = {
  ERR_SESSION_BROKEN: 'damaged',
  ERR_SESSION_NEWER: 'newer',
  ERR_SESSION_FOREIGN: 'foreign',
};

async function draftOrOther(path: Buffer, name: string): Promise<SessionRest> {
  const problem = await draftKind(path, name);
  if (problem === undefined) {
    const message = 'it has not the name of a session, and is left alone';
    return { name, ...bothForms(path), problem: 'foreign', message, user: undefined };
  }
  const message = `what a process that was killed has left ${problem}`;
  return { name, ...bothForms(path), problem, message, user: (await userOf(path)) || undefined };
}

/** Undefined where it went since its name was read. */
export async function sessionAt(
  path: Buffer,
  name: string,
): Promise<Session | SessionRest | undefined> {
  try {
    const found = isSessionName(name)
      ? await described(await readSession(path, name))
      : await draftOrOther(path, name);
    const { problem } = found as Partial<SessionRest>;
    return problem === 'foreign' && !(await isThere(path)) ? undefined : found;
  } catch (error) {
    if (!(error instanceof OverlayError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
    if (!(await isThere(path))) {
      return undefined;
    }
    const { code, message } = error as OverlayError;
    const problem = problems[code] ?? 'unreadable';
    return { name, ...bothForms(path), problem, message, user: undefined };
  }
}

async function isThere(path: Buffer): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

export function isSession(found: Session | SessionRest): found is Session {
  return !('problem' in found);
}

/** Everything in the directories of sessions, by name. */
export async function listSessions(options?: SessionsOptions): Promise<(Session | SessionRest)[]> {
  const given = optionsObject(options, 'options', ['directory']);
  const directory = sessionDirectory(given.directory, 'options.directory');
  const entries = await storedEntries(directory);
  const found = await someAtOnce(entries, ({ path, name }) => sessionAt(path, name));
  return found.filter((each) => each !== undefined);
}

/**
 * One session.
 *
 * @throws OverlayError `ENOENT` where there is none of that name, `ERR_SESSION_BROKEN` where what is there
 * is not whole.
 */
export async function findSession(name: string, options?: SessionsOptions): Promise<Session> {
  const given = optionsObject(options, 'options', ['directory']);
  const directory = sessionDirectory(given.directory, 'options.directory');
  const wanted = sessionName(name, 'name');
  return described(await readSession(await pathOfSession(wanted, directory), wanted));
}

export interface VerifyOptions extends SessionsOptions {
  /** Of a session that covers several directories, this target only. Default: all of them. */
  readonly of?: PathLike;
}

/**
 * Whether the directories that a session was made from are still those: what it has changed means nothing on others.
 *
 * @throws OverlayError what `findSession` throws; `ENOENT` where one of them is gone, `ESTALE` where another one lies
 * at its path (something was unmounted, mounted over it, or put in its place).
 */
export async function verifySession(name: string, options?: VerifyOptions): Promise<void> {
  const { of, ...given } = optionsObject(options, 'options', ['directory', 'of']);
  const target = of === undefined ? undefined : absolutePath(of, 'options.of');
  const directory = sessionDirectory(given.directory, 'options.directory');
  const wanted = sessionName(name, 'name');
  const path = await pathOfSession(wanted, directory);
  const { record } = await readSession(path, wanted);
  const chosen = overlaysAt({ overlays: overlaysOf(path, record) }, target);
  if (chosen.length === 0) {
    throw argumentValue('options.of', 'must be one that the session covers');
  }
  checkDirectories(
    { path, record },
    chosen.map(({ targetBytes }) => targetBytes),
  );
}

async function openQuietly(path: Buffer): Promise<Dir | undefined> {
  try {
    return await opendir(path as unknown as string, { encoding: 'buffer' as BufferEncoding });
  } catch {
    return undefined; // forbidden, or gone by now
  }
}

/** In the work directory of each overlay the kernel keeps one for itself, which is empty, and which no user may read. */
function isOfKernel(relative: Buffer): boolean {
  return /^\/\d+\/work\/work$/.test(relative.toString('latin1'));
}

/**
 * What is in it, by size. It is read entry by entry, so a big session takes its time.
 *
 * @throws OverlayError `ENOENT` where it is gone.
 */
export async function sessionSize(
  session: Pick<Session, 'path'> & Partial<Pick<Session, 'pathBytes'>>,
): Promise<SessionSize> {
  const given = session as Partial<Session> | null | undefined;
  if (typeof given?.path !== 'string') {
    throw argumentType('session', 'a session', session);
  }
  const path = given.pathBytes ?? Buffer.from(given.path);
  if ((await lstat(path).catch(missing)) === undefined) {
    throw noSuchSession(basename(given.path), parentOf(path));
  }
  const size = { bytes: 0, entries: 0, unreadable: 0 };
  const seen = new Set<string>();
  const pending: Buffer[] = [path];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    const listing = await openQuietly(dir);
    if (listing === undefined) {
      size.unreadable += isOfKernel(dir.subarray(path.length)) ? 0 : 1;
      continue;
    }
    for await (const { name } of listing) {
      const full = Buffer.concat([dir, Buffer.from('/'), name as unknown as Buffer]);
      const found = await lstatExactly(full, { bigint: true }).catch(() => undefined);
      const key =
        found && found.nlink > 1n && !found.isDirectory() ? `${found.dev}:${found.ino}` : '';
      if (found === undefined || seen.has(key)) {
        continue;
      }
      if (key !== '') {
        seen.add(key);
      }
      size.entries++;
      size.bytes += Number(found.blocks) * 512;
      if (found.isDirectory()) {
        pending.push(full);
      }
    }
  }
  return size;
}
