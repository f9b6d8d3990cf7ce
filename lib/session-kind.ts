/**
 * What in a directory of sessions is one, or was going to be. Somebody may keep anything else there, and nothing of
 * that is ever removed.
 */

import { constants } from 'node:fs';
import { close, fstat, lstat, open, readdir, readText } from './files.ts';
import { joined } from './path-bytes.ts';

export const recordName = 'session.json';
/** Of what is not whole yet, and of what is not whole any more. No session can have such a name. */
export const halfMade = '.new-';
export const halfRemoved = '.old-';

/** Those of others are text that has nothing to do with us. */
export const largestRecord: number = 1 << 20;

/** With digits as of fresh-name.ts. */
const drafts = /^(\.(?:new|old)-)[0-9a-f]{12}$/;

const sessionNames = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

export function isSessionName(name: string): boolean {
  return sessionNames.test(name);
}

/** To read it, whatever somebody has put there: a FIFO would not let go of us, a link leads anywhere. */
export function openRecord(path: Buffer): Promise<number> {
  return open(
    joined(path, recordName),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
}

type Loose = Readonly<Record<string, unknown>>;

/** Of some version, and perhaps with mistakes, but nothing else looks like this. Undefined: there is none. */
export async function looseRecord(path: Buffer): Promise<Loose | undefined> {
  try {
    const file = await openRecord(path);
    try {
      const found = await fstat(file);
      const small = found.isFile() && found.size <= largestRecord;
      const value: unknown = small ? JSON.parse(await readText(file, 'utf8')) : undefined;
      const keys = ['format', 'name', 'state', 'overlays'];
      const known =
        typeof value === 'object' && value !== null && keys.every((key) => key in value);
      return known ? (value as Loose) : undefined;
    } finally {
      await close(file);
    }
  } catch {
    return undefined; // missing, no JSON, or not to be read
  }
}

async function isDirectory(path: Buffer): Promise<boolean> {
  return (await lstat(path)).isDirectory();
}

/** No link to one. */
async function isOwn(path: Buffer): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.geteuid?.();
}

/**
 * Only what a session consists of: `session.json`, and numbered directories with an upper and a work directory.
 * `mounted`: in which the kernel has made its own directory, as in what nobody but a mount has made.
 */
async function isOurs(path: Buffer, mounted: boolean): Promise<boolean> {
  try {
    if (!(await isOwn(path))) {
      return false;
    }
    const names = await readdir(path);
    for (const name of names) {
      if (/^\d{1,6}$/.test(name)) {
        if (!(await isOwn(joined(path, name)))) {
          return false;
        }
        const inner = await readdir(joined(path, name));
        const known = inner.every((each) => each === 'upper' || each === 'work');
        const places = await Promise.all(
          inner.map((each) => isDirectory(joined(path, name, each))),
        );
        if (!known || places.includes(false)) {
          return false;
        }
      } else if (name !== recordName && name !== `${recordName}.new`) {
        return false;
      }
    }
    const kernels = (): Promise<boolean[]> =>
      Promise.all(['0/upper', '0/work/work'].map((each) => isDirectory(joined(path, each))));
    return !mounted || !(await kernels()).includes(false);
  } catch {
    return false; // gone, no directory, or not to be looked into
  }
}

/** Whether what has the name of a session and is not whole is what is left of one. */
export async function isLeftOfSession(path: Buffer): Promise<boolean> {
  return isOurs(path, (await looseRecord(path)) === undefined);
}

/** By its name, and by what is in it, which may have become less. */
export async function draftKind(
  path: Buffer,
  name: string,
): Promise<'half-made' | 'half-removed' | undefined> {
  const [, prefix] = drafts.exec(name) ?? [];
  const kind = prefix === halfMade ? 'half-made' : 'half-removed';
  return prefix !== undefined && (await isOurs(path, false)) ? kind : undefined;
}
