/** Sessions on disk. docs/running.md describes the layout. */
import { constants } from 'node:fs';
import { join } from 'node:path';
import { argumentType, argumentValue, OverlayError } from './errors.ts';
import {
  close,
  fdatasync,
  fstat,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readText,
  rename,
  stat,
  utimes,
  writeText,
} from './files.ts';
import { native, unwrap } from './native.ts';
import {
  brokenSession,
  fileFailure,
  newerSession,
  noSuchSession,
  sessionInUse,
} from './session-errors.ts';
import type { RecordedOverlay, SessionRecord } from './session-record.ts';
import { formatRecord, NoRecord, parseRecord } from './session-record.ts';
import { isOwnDirectory, sessionRoots } from './session-roots.ts';
import { removeTree } from './tree-removal.ts';

const recordName = 'session.json';
/** Of what is not whole yet, and of what is not whole any more. No session can have such a name. */
export const halfMade = '.new-';
export const halfRemoved = '.old-';

export function sessionName(value: unknown, name: string): string {
  if (typeof value !== 'string') {
    throw argumentType(name, 'a string', value);
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(value)) {
    throw argumentValue(
      name,
      'must be up to 100 letters, digits, dots, dashes and underscores, and begin with none of the first two marks',
    );
  }
  return value;
}

async function readRecord(path: string, name: string): Promise<SessionRecord> {
  try {
    if (!isOwnDirectory(path)) {
      throw new NoRecord('it is somebody else’s, or no directory');
    }
    const file = await open(
      join(path, recordName),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      const found = await fstat(file);
      if (!found.isFile() || found.size > 1 << 20) {
        throw new NoRecord(`${recordName} is no ordinary file, or too big`);
      }
      const record = parseRecord(await readText(file, 'utf8'));
      if (record.name !== name) {
        throw new NoRecord(`${recordName} is that of '${record.name}'`);
      }
      return record;
    } finally {
      await close(file);
    }
  } catch (error) {
    if (error instanceof NoRecord) {
      throw (error.newer ? newerSession : brokenSession)(name, path, error.message);
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EACCES') {
      throw brokenSession(name, path, `${recordName} is missing, or cannot be read (${code})`);
    }
    throw fileFailure(error, 'the record of a session could not be read');
  }
}

/** A mount makes both; one without the other, or something else of that name, is not what it left. */
async function checkLayers(path: string, record: SessionRecord): Promise<void> {
  if (record.state === 'new') {
    return;
  }
  for (const [i] of record.overlays.entries()) {
    for (const name of ['upper', 'work']) {
      const found = await lstat(join(path, `${i}`, name)).catch(() => undefined);
      if (!found?.isDirectory()) {
        throw brokenSession(record.name, path, `its directory ${i}/${name} is missing, or is none`);
      }
    }
  }
}

/** Where a name is, if it is anywhere. */
export async function findPath(
  name: string,
  directory: string | undefined,
): Promise<string | undefined> {
  for (const root of sessionRoots(directory)) {
    const path = join(root, name);
    if (isOwnDirectory(root) && (await lstat(path).catch(() => undefined)) !== undefined) {
      return path;
    }
  }
  return undefined;
}

/** A session that exists. */
export interface StoredSession {
  readonly path: string;
  readonly record: SessionRecord;
}

/** @throws OverlayError `ERR_SESSION_BROKEN` for anything that is not certainly a whole session. */
export async function readSession(path: string, name: string): Promise<StoredSession> {
  const record = await readRecord(path, name);
  await checkLayers(path, record);
  return { path, record };
}

export async function findStored(
  name: string,
  directory: string | undefined,
): Promise<StoredSession | undefined> {
  const path = await findPath(name, directory);
  return path === undefined ? undefined : readSession(path, name);
}

/** @throws OverlayError `ENOENT` */
export async function pathOfSession(name: string, directory: string | undefined): Promise<string> {
  const path = await findPath(name, directory);
  if (path === undefined) {
    throw noSuchSession(name, sessionRoots(directory));
  }
  return path;
}

/** The one user of a session: an open directory with flock(2) on it. */
export class SessionLock {
  /** The lock lives as long as any duplicate of it. */
  readonly fd: number;
  #released = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * @throws OverlayError `EBUSY` with who has it, `ENOENT` where it is another directory by now (it was
   * discarded, and made anew).
   */
  static async take(path: string, name: string): Promise<SessionLock> {
    const fd = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch((error) => {
      throw fileFailure(error, `the session '${name}' could not be opened`);
    });
    try {
      if (!unwrap(native().tryLock(fd))) {
        throw sessionInUse(name, path, native().lockHolder(fd));
      }
      const [mine, there] = [await fstat(fd), await stat(path).catch(() => undefined)];
      if (there?.ino !== mine.ino || there.dev !== mine.dev) {
        throw noSuchSession(name, [path]);
      }
    } catch (error) {
      await close(fd);
      throw error;
    }
    return new SessionLock(fd);
  }

  /** Calling it again is harmless. */
  async release(): Promise<void> {
    if (!this.#released) {
      this.#released = true;
      await close(this.fd);
    }
  }
}

/** Who works with it: a process, 0 where nobody does or it cannot be said. */
export async function userOf(path: string): Promise<number> {
  const fd = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return native().lockHolder(fd);
  } finally {
    await close(fd);
  }
}

/** When a sandbox was last made on it: the time of its record, since to set that takes no space. */
export async function lastUsed(path: string): Promise<Date> {
  return (await lstat(join(path, recordName))).mtime;
}

export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(join(path, recordName), now, now);
}

/** The whole record or the old one, whatever happens. */
export async function writeRecord(path: string, record: SessionRecord): Promise<void> {
  const draft = join(path, `${recordName}.new`);
  const file = await open(draft, 'w', 0o600);
  try {
    await writeText(file, formatRecord(record));
    if (!record.ephemeral) {
      await fdatasync(file);
    }
  } finally {
    await close(file);
  }
  await rename(draft, join(path, recordName));
}

/** Most often the directory of sessions is there. */
async function makeDraft(root: string): Promise<string> {
  const prefix = join(root, halfMade);
  try {
    return await mkdtemp(prefix);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
  }
  await mkdir(root, { recursive: true, mode: 0o700 });
  return mkdtemp(prefix);
}

/**
 * @param fill What is to be in it before it gets its name.
 * @throws OverlayError `ENOTEMPTY` where somebody was quicker.
 */
export async function createStored(
  root: string,
  record: SessionRecord,
  fill: (draft: string) => Promise<void> = () => Promise.resolve(),
): Promise<{ stored: StoredSession; lock: SessionLock }> {
  const why = 'the session could not be made';
  const draft = await makeDraft(root).catch((error: unknown) => {
    throw fileFailure(error, why);
  });
  const lock = await SessionLock.take(draft, record.name);
  const path = join(root, record.name);
  try {
    for (const [i] of record.overlays.entries()) {
      await mkdir(join(draft, `${i}`), { mode: 0o700 });
    }
    await fill(draft);
    await writeRecord(draft, record);
    await rename(draft, path);
  } catch (error) {
    await lock.release();
    await removeTree(draft);
    throw error instanceof OverlayError ? error : fileFailure(error, why);
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
    const place = join(path, `${record.overlays.length + i}`);
    await removeTree(place); // what a killed process has left
    await mkdir(place, { mode: 0o700 });
  }
  return { path, record: { ...record, overlays } };
}

export interface FoundEntry {
  readonly path: string;
  readonly name: string;
}

/** Everything in the directories of sessions, whole or not. */
export async function storedEntries(directory: string | undefined): Promise<FoundEntry[]> {
  const lists = sessionRoots(directory).map(async (root) => {
    const names = isOwnDirectory(root) ? await readdir(root) : [];
    return names.sort().map((name) => ({ path: join(root, name), name }));
  });
  return (await Promise.all(lists)).flat();
}

/** An upper that no mount has seen yet, or that a killed one may have left unfinished. */
export async function clearNew({ path, record }: StoredSession): Promise<void> {
  for (const [i] of record.overlays.entries()) {
    const place = join(path, `${i}`);
    await removeTree(place);
    await mkdir(place, { mode: 0o700 });
  }
}
