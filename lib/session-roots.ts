/** Directories that sessions lie in. */
import type { Stats } from 'node:fs';
import { lstatSync, realpathSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { findingOf } from './diagnose.ts';
import { findMount } from './mount-table.ts';
import { native, unwrap } from './native.ts';
import { bytesOfVariable, joined, latin1, parentOf } from './path-bytes.ts';
import { noPlaceForSession } from './session-errors.ts';

/** The home directory may be that of the account, where HOME is not set. */
function home(): Buffer {
  return bytesOfVariable(homedir(), 'HOME');
}

/** Where a user's programs keep state: XDG Base Directory Specification. */
export function stateDirectory(): Buffer {
  const { XDG_STATE_HOME: state } = process.env;
  return joined(
    state ? bytesOfVariable(state, 'XDG_STATE_HOME') : joined(home(), '.local/state'),
    'overlayfs',
  );
}

/**
 * By preference. The others are for where the first one cannot hold an upper (a container's root is an
 * overlay) or lies inside of what is to be covered. The last is in memory.
 */
function defaultRoots(): readonly Buffer[] {
  const own = `overlayfs-${process.geteuid?.() ?? 0}`;
  const runtime = process.env.XDG_RUNTIME_DIR;
  const roots = [
    stateDirectory(),
    joined(Buffer.from('/var/tmp'), own),
    joined(bytesOfVariable(tmpdir(), 'TMPDIR', 'TMP', 'TEMP'), own),
    ...(runtime ? [joined(bytesOfVariable(runtime, 'XDG_RUNTIME_DIR'), 'overlayfs')] : []),
    joined(Buffer.from('/dev/shm'), own),
  ];
  return roots.filter((root, i) => roots.findIndex((other) => other.equals(root)) === i);
}

/** Where sessions are looked for. */
export function sessionRoots(directory: Buffer | undefined): readonly Buffer[] {
  return directory === undefined ? defaultRoots() : [directory];
}

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
        return `it lies inside of '${target}', which is to be covered, and the kernel takes no upper there`;
      }
    }
  }
  return undefined;
}

async function firstFit(covered: readonly Buffer[]): Promise<Buffer | undefined> {
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
