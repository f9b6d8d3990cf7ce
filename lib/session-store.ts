/** Sessions on disk. docs/running.md describes the layout. */

import { mkdirSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { argumentType, argumentValue, errorFromFailure, OverlayError } from './errors.ts';
import { close, fstat, lstat, lstatExactly, mkdir, readNames, readText, utimes } from './files.ts';
import { freshDigits } from './fresh-name.ts';
import { native } from './native.ts';
import type { Outcome } from './native-outcome.ts';
import type { SessionText } from './native-sessions.ts';
import { joined } from './path-bytes.ts';
import {
  brokenSession,
  fileFailure,
  missing,
  newerSession,
  noSuchSession,
  notASession,
  sessionExists,
} from './session-errors.ts';
import {
  halfMade,
  isLeftOfSession,
  isSessionName,
  largestRecord,
  openRecord,
  recordName,
} from './session-kind.ts';
import { SessionLock } from './session-lock.ts';
import type { RecordedOverlay, SessionRecord } from './session-record.ts';
import { formatRecord, NoRecord, parseRecord } from './session-record.ts';
import { isOwnDirectory } from './session-roots.ts';
import { sessionRoots } from './state-directories.ts';
import { removeTree } from './tree-removal.ts';

export function sessionName(value: unknown, name: string): string {
  if (typeof value !== 'string') {
    throw argumentType(name, 'a string', value);
  }
  if (!isSessionName(value)) {
    throw argumentValue(
      name,
      `must be a name of up to 100 letters, digits, dots, dashes and underscores that begins with no dot or dash, but is '${value}'`,
    );
  }
  return value;
}

/** What is wrong with it, if it is a session. */
async function noWhole(path: Buffer, name: string, why: string): Promise<Error> {
  return (await isLeftOfSession(path))
    ? brokenSession(name, path, why)
    : notASession(name, path, why);
}

async function readRecord(path: Buffer, name: string): Promise<SessionRecord> {
  try {
    if (!isOwnDirectory(path)) {
      throw new NoRecord('it is somebody else’s, or no directory');
    }
    const file = await openRecord(path);
    try {
      const found = await fstat(file);
      if (!found.isFile() || found.size > largestRecord) {
        throw new NoRecord(`${recordName} is no ordinary file, or too big`);
      }
      const record = parseRecord(await readText(file, 'utf8'));
      if (record.name !== name) {
        const why = `it is a copy of the session '${record.name}', or that one renamed`;
        throw notASession(name, path, why);
      }
      return record;
    } finally {
      await close(file);
    }
  } catch (error) {
    if (error instanceof OverlayError) {
      throw error;
    }
    if (error instanceof NoRecord) {
      throw error.newer
        ? newerSession(name, path, error.message)
        : await noWhole(path, name, error.message);
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EACCES') {
      throw await noWhole(path, name, `${recordName} is missing, or cannot be read (${code})`);
    }
    throw fileFailure(error, 'the record of a session could not be read');
  }
}

/** A mount makes both; one without the other, or something else of that name, is not what it left. */
async function checkLayers(path: Buffer, record: SessionRecord): Promise<void> {
  if (record.state === 'new') {
    return;
  }
  for (const [i] of record.overlays.entries()) {
    for (const name of ['upper', 'work']) {
      const found = await lstat(joined(path, `${i}`, name)).catch(missing);
      if (!found?.isDirectory()) {
        throw brokenSession(record.name, path, `its directory ${i}/${name} is missing, or is none`);
      }
    }
  }
}

/** Where a name is, if it is anywhere. */
export async function findPath(
  name: string,
  directory: Buffer | undefined,
): Promise<Buffer | undefined> {
  for (const root of sessionRoots(directory)) {
    const path = joined(root, name);
    if (isOwnDirectory(root) && (await lstat(path).catch(() => undefined)) !== undefined) {
      return path;
    }
  }
  return undefined;
}

/** A session that exists. */
export interface StoredSession {
  readonly path: Buffer;
  readonly record: SessionRecord;
}

/** Whether the kernel has mounted all of it: it makes "work" in the workdir then. */
async function wasMounted(path: Buffer, { overlays }: SessionRecord): Promise<boolean> {
  const made = overlays.map((_, i) => lstat(joined(path, `${i}`, 'work', 'work')));
  return (await Promise.allSettled(made)).every(({ status }) => status === 'fulfilled');
}

/** @throws OverlayError `ERR_SESSION_BROKEN` for anything that is not certainly a whole session. */
export async function readSession(path: Buffer, name: string): Promise<StoredSession> {
  const written = await readRecord(path, name);
  // That of a run is not written a second time, which nobody but a run that was killed would read.
  const ready = written.ephemeral && (await wasMounted(path, written));
  const record: SessionRecord = ready ? { ...written, state: 'ready' } : written;
  await checkLayers(path, record);
  return { path, record };
}

export async function findStored(
  name: string,
  directory: Buffer | undefined,
): Promise<StoredSession | undefined> {
  const path = await findPath(name, directory);
  return path === undefined ? undefined : readSession(path, name);
}

/** @throws OverlayError `ENOENT` */
export async function pathOfSession(name: string, directory: Buffer | undefined): Promise<Buffer> {
  const path = await findPath(name, directory);
  if (path === undefined) {
    throw noSuchSession(name, directory);
  }
  return path;
}

/** When a sandbox was last made on it: the time of its record, since to set that takes no space. */
export async function lastUsed(path: Buffer): Promise<Date> {
  return (await lstat(joined(path, recordName))).mtime;
}

/** The same in nanoseconds since 1970. */
export async function lastUsedExactly(path: Buffer): Promise<bigint> {
  return (await lstatExactly(joined(path, recordName), { bigint: true })).mtimeNs;
}

export async function markUsed(path: Buffer): Promise<void> {
  const now = new Date();
  await utimes(joined(path, recordName), now, now);
}

function textOf(record: SessionRecord): SessionText {
  return [Buffer.from(formatRecord(record)), !record.ephemeral];
}

/**
 * The whole record or the old one, whatever happens.
 *
 * @param failing What has failed if this does, as a part of a sentence.
 */
export async function writeRecord(
  path: Buffer,
  record: SessionRecord,
  failing: string,
): Promise<void> {
  const outcome = await native().writeSessionText(path, ...textOf(record));
  if ('failure' in outcome) {
    throw errorFromFailure(outcome.failure, { hint: failing });
  }
}

/** Of the name of a draft, to its lock: -1 where another name has to be tried. */
type Making = (draft: Buffer) => Promise<Outcome<number>>;

const notMade = 'the session could not be made';

interface Draft {
  readonly draft: Buffer;
  readonly lock: SessionLock;
}

/** Somebody else has made a session of that name; rename(2) says it in either way. */
function isTaken(outcome: Outcome<unknown>): boolean {
  const { ENOTEMPTY, EEXIST } = osConstants.errno;
  return 'failure' in outcome && [ENOTEMPTY, EEXIST].includes(outcome.failure.errno);
}

/** Most often the directory of sessions is there. */
async function withDraft(root: Buffer, make: Making): Promise<Draft> {
  for (let made = false; ; ) {
    const draft = joined(root, `${halfMade}${freshDigits()}`);
    const outcome = await make(draft);
    const lock = 'value' in outcome ? SessionLock.of(outcome.value) : undefined;
    if (lock !== undefined) {
      return { draft, lock };
    }
    if ('failure' in outcome) {
      if (outcome.failure.errno !== osConstants.errno.ENOENT || made) {
        throw errorFromFailure(outcome.failure, { hint: notMade });
      }
      try {
        mkdirSync(root, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw fileFailure(error, notMade);
      }
      made = true;
    }
  }
}

interface Stored {
  readonly stored: StoredSession;
  readonly lock: SessionLock;
}

/** @throws OverlayError `EEXIST` where somebody was quicker. */
export async function createStored(root: Buffer, record: SessionRecord): Promise<Stored> {
  const path = joined(root, record.name);
  const text = textOf(record);
  const { lock } = await withDraft(root, async (draft) => {
    const outcome = await native().makeSession(draft, record.overlays.length, path, ...text);
    if (isTaken(outcome)) {
      throw sessionExists(record.name, path);
    }
    return outcome;
  });
  return { stored: { path, record }, lock };
}

/**
 * @param fill What is to be in it before it gets its name.
 * @throws OverlayError `EEXIST` where somebody was quicker.
 */
export async function createFilled(
  root: Buffer,
  record: SessionRecord,
  fill: (draft: Buffer) => Promise<void>,
): Promise<Stored> {
  const path = joined(root, record.name);
  const { draft, lock } = await withDraft(root, (name) =>
    native().draftSession(name, record.overlays.length),
  );
  try {
    await fill(draft);
    const [from, to] = [draft, path];
    const outcome = await native().nameSession(from, to, ...textOf(record));
    if ('failure' in outcome) {
      throw isTaken(outcome)
        ? sessionExists(record.name, to)
        : errorFromFailure(outcome.failure, { hint: notMade });
    }
  } catch (error) {
    await lock.release();
    await removeTree(draft);
    throw error;
  }
  return { stored: { path, record }, lock };
}

/** Directories for overlays that it had no need of before. */
export async function makePlaces(
  { path, record }: StoredSession,
  more: readonly RecordedOverlay[],
): Promise<StoredSession> {
  const overlays = [...record.overlays, ...more];
  for (const [i] of more.entries()) {
    const place = joined(path, `${record.overlays.length + i}`);
    await removeTree(place); // what a killed process has left
    await mkdir(place, { mode: 0o700 });
  }
  return { path, record: { ...record, overlays } };
}

export interface FoundEntry {
  readonly path: Buffer;
  /** As text. */
  readonly name: string;
}

/** Everything in the directories of sessions, whole or not. */
export async function storedEntries(directory: Buffer | undefined): Promise<FoundEntry[]> {
  const lists = sessionRoots(directory).map(async (root) => {
    const names = isOwnDirectory(root) ? await readNames(root, 'buffer') : [];
    return names
      .sort(Buffer.compare)
      .map((name) => ({ path: joined(root, name), name: name.toString() }));
  });
  return (await Promise.all(lists)).flat();
}

/** An upper that no mount has seen yet, or that a killed one may have left unfinished. */
export async function clearNew({ path, record }: StoredSession): Promise<void> {
  for (const [i] of record.overlays.entries()) {
    const place = joined(path, `${i}`);
    await removeTree(place);
    await mkdir(place, { mode: 0o700 });
  }
}
