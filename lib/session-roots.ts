/** Directories that sessions lie in. */
import type { Stats } from 'node:fs';
import { lstatSync, realpathSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findingOf } from './diagnose.ts';
import { findMount } from './mount-table.ts';
import { native, unwrap } from './native.ts';
import { noPlaceForSession } from './session-errors.ts';

/** Where a user's programs keep state: XDG Base Directory Specification. */
export function stateDirectory(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local/state'), 'overlayfs');
}

/**
 * By preference. The others are for where the first one cannot hold an upper (a container's root is an
 * overlay) or lies inside of what is to be covered. The last is in memory.
 */
function defaultRoots(): readonly string[] {
  const own = `overlayfs-${process.geteuid?.() ?? 0}`;
  const runtime = process.env.XDG_RUNTIME_DIR;
  return [
    ...new Set([
      stateDirectory(),
      join('/var/tmp', own),
      join(tmpdir(), own),
      ...(runtime ? [join(runtime, 'overlayfs')] : []),
      join('/dev/shm', own),
    ]),
  ];
}

/** Where sessions are looked for. */
export function sessionRoots(directory: string | undefined): readonly string[] {
  return directory === undefined ? defaultRoots() : [directory];
}

/** Nothing as well where one may not look: a HOME can be somebody else's (`sudo -E`), or `/dev/null`. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** A directory in a place where everybody may write could be somebody else's. */
export function isOwnDirectory(path: string): boolean {
  const stat = lookAt(path);
  return stat?.isDirectory() === true && stat.uid === process.geteuid?.();
}

function nearestExisting(path: string): string {
  return path !== '/' && lookAt(path) === undefined ? nearestExisting(dirname(path)) : path;
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** The mount point of what a path lies on, or will. */
export async function mountPointOf(path: string): Promise<string | undefined> {
  return (await findMount(nearestExisting(path)))?.target;
}

/** Why there can be no session, as a part of a sentence; undefined if there can. */
async function unfitness(root: string, covered: readonly string[]): Promise<string | undefined> {
  const there = nearestExisting(root);
  if (there === root && !isOwnDirectory(root)) {
    return 'it is somebody else’s, or no directory';
  }
  const found = unwrap(await native().inspectUpperParent(Buffer.from(there), false)).map(findingOf);
  const mistake = found.find(({ severity }) => severity === 'error');
  if (mistake !== undefined) {
    return mistake.message;
  }
  const path = realpathSync.native(there);
  for (const target of covered) {
    if (isWithin(path, target)) {
      // On a mount of its own it is possible: programs do not see that one then.
      const apart = (await mountPointOf(path)) ?? target;
      if (!isWithin(apart, target) || covered.includes(apart)) {
        return `it lies inside of '${target}', which is to be covered, and the kernel takes no upper there`;
      }
    }
  }
  return undefined;
}

async function firstFit(covered: readonly string[]): Promise<string | undefined> {
  for (const root of defaultRoots()) {
    if ((await unfitness(root, covered)) === undefined) {
      return root;
    }
  }
  return undefined;
}

/**
 * Where a new session is to lie.
 *
 * @param covered What the program will see overlays on, resolved.
 */
export async function chooseRoot(
  directory: string | undefined,
  covered: readonly string[],
): Promise<string> {
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
