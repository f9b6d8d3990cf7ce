/** What sessions there are. */
import type { Dir } from 'node:fs';
import { join } from 'node:path';
import type { PathLike } from './arguments.ts';
import { optionsObject } from './arguments.ts';
import type { Layers } from './change-source.ts';
import { argumentType, OverlayError } from './errors.ts';
import { lstat, opendir } from './files.ts';
import { sessionDirectory } from './sandbox-options.ts';
import type { RecordedEnd, SessionRecord } from './session-record.ts';
import {
  halfMade,
  halfRemoved,
  lastUsed,
  pathOfSession,
  readSession,
  sessionName,
  storedEntries,
  userOf,
} from './session-store.ts';

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
}

/**
 * Something in a directory of sessions that is none. `'half-made'` and `'half-removed'`: what was killed
 * on the way; `'newer'`: that of a newer version; `'damaged'`: anything that this version cannot have left.
 */
export interface SessionRest {
  readonly name: string;
  readonly path: string;
  readonly problem: 'half-made' | 'half-removed' | 'newer' | 'damaged';
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

function overlaysOf(path: string, record: SessionRecord): SessionOverlay[] {
  return record.overlays.map(({ target, lower }, i) => ({
    target: target.toString(),
    targetBytes: target,
    layers: {
      upper: join(path, `${i}`, 'upper'),
      lower,
      xattrs: record.userxattr ? 'user' : 'trusted',
    },
  }));
}

async function described(path: string, name: string): Promise<Session> {
  const { record } = await readSession(path, name);
  const { ephemeral, created, base, subordinateIds, last } = record;
  const used = await lastUsed(path);
  const user = (await userOf(path)) || undefined;
  const overlays = overlaysOf(path, record);
  return { name, path, ephemeral, created, used, overlays, base, subordinateIds, last, user };
}

const problems = { [halfMade]: 'half-made', [halfRemoved]: 'half-removed' } as const;

/** Undefined where it went since its name was read. */
export async function sessionAt(
  path: string,
  name: string,
): Promise<Session | SessionRest | undefined> {
  const [, problem] = Object.entries(problems).find(([prefix]) => name.startsWith(prefix)) ?? [];
  try {
    if (problem === undefined) {
      return await described(path, name);
    }
    const message = `what a process that was killed has left ${problem}`;
    return { name, path, problem, message, user: (await userOf(path)) || undefined };
  } catch (error) {
    if (!(error instanceof OverlayError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
    if ((await lstat(path).catch(() => undefined)) === undefined) {
      return undefined;
    }
    const { code, message } = error as OverlayError;
    const newer = code === 'ERR_SESSION_NEWER';
    return { name, path, problem: newer ? 'newer' : 'damaged', message, user: undefined };
  }
}

export function isSession(found: Session | SessionRest): found is Session {
  return !('problem' in found);
}

/** Everything in the directories of sessions, by name. */
export async function listSessions(options?: SessionsOptions): Promise<(Session | SessionRest)[]> {
  const given = optionsObject(options, 'options', ['directory']);
  const directory = sessionDirectory(given.directory, 'options.directory');
  const entries = await storedEntries(directory);
  const found = await Promise.all(entries.map(({ path, name }) => sessionAt(path, name)));
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
  return described(await pathOfSession(wanted, directory), wanted);
}

/** The sessions that are stacked on one. */
export async function dependentsOf(name: string, directory: string | undefined): Promise<string[]> {
  const found = await listSessions(directory === undefined ? {} : { directory });
  return found
    .filter(isSession)
    .filter(({ base }) => base === name)
    .map((session) => session.name);
}

async function openQuietly(path: Buffer): Promise<Dir | undefined> {
  try {
    return await opendir(path as unknown as string, { encoding: 'buffer' as BufferEncoding });
  } catch {
    return undefined; // forbidden, or gone by now
  }
}

/** What is in it, by size. It is read entry by entry, so a big session takes its time. */
export async function sessionSize(session: Pick<Session, 'path'>): Promise<SessionSize> {
  const path: unknown = (session as Partial<Session> | null | undefined)?.path;
  if (typeof path !== 'string') {
    throw argumentType('session', 'a session', session);
  }
  const size = { bytes: 0, entries: 0, unreadable: 0 };
  const seen = new Set<string>();
  const pending: Buffer[] = [Buffer.from(path)];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    const listing = await openQuietly(dir);
    if (listing === undefined) {
      size.unreadable++;
      continue;
    }
    for await (const { name } of listing) {
      const full = Buffer.concat([dir, Buffer.from('/'), name as unknown as Buffer]);
      const found = await lstat(full).catch(() => undefined);
      const key =
        found && found.nlink > 1 && !found.isDirectory() ? `${found.dev}:${found.ino}` : '';
      if (found === undefined || seen.has(key)) {
        continue;
      }
      if (key !== '') {
        seen.add(key);
      }
      size.entries++;
      size.bytes += found.blocks * 512;
      if (found.isDirectory()) {
        pending.push(full);
      }
    }
  }
  return size;
}
