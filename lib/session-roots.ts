/** Where a new session is to lie. */
import type { Stats } from 'node:fs';
import { lstatSync, realpathSync } from 'node:fs';
import { findingOf } from './diagnose.ts';
import { findMount } from './mount-table.ts';
import { native, unwrap } from './native.ts';
import { latin1, parentOf } from './path-bytes.ts';
import { noPlaceForSession } from './session-errors.ts';
import { sessionRoots, stateDirectory } from './state-directories.ts';

/** Nothing as well where one may not look: a HOME can be somebody else's (`sudo -E`), or `/dev/null`. */
function lookAt(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** A directory in a place where everybody may write could be somebody else's. */
export function isOwnDirectory(path: Buffer): boolean {
  const stat = lookAt(path);
  return stat?.isDirectory() === true && stat.uid === process.geteuid?.();
}

function nearestExisting(path: Buffer): Buffer {
  const above = parentOf(path);
  return !above.equals(path) && lookAt(path) === undefined ? nearestExisting(above) : path;
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** The mount point of what a path lies on, or will. */
export async function mountPointOf(path: Buffer): Promise<Buffer | undefined> {
  return (await findMount(nearestExisting(path)))?.targetBytes;
}

/** Why there can be no session, as a part of a sentence; undefined if there can. */
async function unfitness(root: Buffer, covered: readonly Buffer[]): Promise<string | undefined> {
  const there = nearestExisting(root);
  if (there.equals(root) && !isOwnDirectory(root)) {
    if (lookAt(root)?.isSymbolicLink()) {
      return 'it is a symbolic link, which anybody might have put there; name the directory that it leads to';
    }
    return 'it is somebody else’s, or no directory';
  }
  const found = unwrap(await native().inspectUpperParent(there, false)).map(findingOf);
  const mistake = found.find(({ severity }) => severity === 'error');
  if (mistake !== undefined) {
    return mistake.message;
  }
  const path = realpathSync.native(there, { encoding: 'buffer' });
  for (const target of covered) {
    if (isWithin(latin1(path), latin1(target))) {
      // On a mount of its own it is possible: programs do not see that one then.
      const apart = (await mountPointOf(path)) ?? target;
      const below = isWithin(latin1(apart), latin1(target));
      if (!below || covered.some((each) => each.equals(apart))) {
        return `it lies inside of '${target}', which is to be covered, and could not be reached there`;
      }
    }
  }
  return undefined;
}

async function firstFit(covered: readonly Buffer[]): Promise<Buffer | undefined> {
  for (const root of sessionRoots(undefined)) {
    if ((await unfitness(root, covered)) === undefined) {
      return root;
    }
  }
  return undefined;
}

/**
 * @param covered What the program will see overlays on, resolved.
 */
export async function chooseRoot(
  directory: Buffer | undefined,
  covered: readonly Buffer[],
): Promise<Buffer> {
  const fit = directory === undefined ? await firstFit(covered) : undefined;
  if (fit !== undefined) {
    return fit;
  }
  const path = directory ?? stateDirectory();
  const why = await unfitness(path, covered);
  if (why === undefined) {
    return path;
  }
  throw noPlaceForSession(path, why, directory === undefined ? undefined : await firstFit(covered));
}
