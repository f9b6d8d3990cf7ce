/** Where a sandbox has overlays: what was asked for, and what is mounted below. */
import { realpathSync, statSync } from 'node:fs';
import { argumentValue } from './errors.ts';
import type { Mount } from './mount-entry.ts';
import { listMountsIf } from './mount-table.ts';
import { fileFailure, mountsBelow, rootlessRoot } from './session-errors.ts';
import type { RecordedOverlay } from './session-record.ts';
import { isWithin, mountPointOf } from './session-roots.ts';

export interface SandboxPlaces {
  readonly overlays: readonly RecordedOverlay[];
  /** Mounts that are seen as they are. */
  readonly carried: readonly string[];
  /** Mounts instead of which an empty directory is seen. */
  readonly emptied: readonly string[];
  /** Sentences. */
  readonly warnings: readonly string[];
}

/** These are the kernel's own: there is nothing to be copied on writing. */
const kernelFilesystems: ReadonlySet<string> = new Set([
  ...['autofs', 'binfmt_misc', 'bpf', 'cgroup', 'cgroup2', 'configfs', 'debugfs', 'devpts'],
  ...['devtmpfs', 'efivarfs', 'fusectl', 'hugetlbfs', 'mqueue', 'nsfs', 'proc', 'pstore'],
  ...['rpc_pipefs', 'securityfs', 'selinuxfs', 'sysfs', 'tracefs'],
]);

function isDirectory(path: Buffer): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export function isBelow(path: string, directory: string): boolean {
  return path !== directory && isWithin(path, directory);
}

/** Those below that can be seen: neither they nor what they lie on is covered by another mount. */
function visibleBelow(table: readonly Mount[], target: string): Mount[] {
  const byId = new Map(table.map((mount) => [mount.mountId, mount]));
  const covers = new Map<number, Mount>();
  for (const mount of table) {
    if (byId.get(mount.parentId)?.target === mount.target) {
      covers.set(mount.parentId, mount);
    }
  }
  const isVisible = (mount: Mount): boolean => {
    const parent = byId.get(mount.parentId);
    const over = covers.get(mount.parentId) ?? mount;
    return over === mount && (parent === undefined || parent === mount || isVisible(parent));
  };
  return table.filter(
    (mount) => isBelow(mount.target, target) && !covers.has(mount.mountId) && isVisible(mount),
  );
}

/** The kernel takes one mount as a layer, without those below it. */
function placesBelow(
  below: readonly Mount[],
  taken: ReadonlySet<string>,
  hidden: string | undefined,
): SandboxPlaces {
  const overlays: RecordedOverlay[] = [];
  const carried: string[] = [];
  const emptied: string[] = [];
  const warnings: string[] = [];
  for (const { target, targetBytes, filesystemType } of below) {
    if (taken.has(target)) {
      continue; // it was asked for
    }
    if (target === hidden) {
      emptied.push(target);
      warnings.push(`${target} is seen empty: the session lies there`);
    } else if (kernelFilesystems.has(filesystemType)) {
      carried.push(target);
    } else if (isDirectory(targetBytes)) {
      overlays.push({ target: targetBytes, lower: [targetBytes] });
    } else {
      carried.push(target);
      warnings.push(
        `the file that is mounted on ${target} is the real one: writing to it is not undone`,
      );
    }
  }
  return { overlays, carried, emptied, warnings };
}

/** Of an absolute path of one character a byte. */
export function depthOf(path: string): number {
  return path === '/' ? 0 : path.split('/').length;
}

/** Outer ones before those inside of them. */
export function inOrder<T extends { readonly target: Buffer }>(places: readonly T[]): T[] {
  const depth = ({ target }: T): number => depthOf(target.toString('latin1'));
  return [...places].sort((a, b) => depth(a) - depth(b));
}

export interface AskedPlaces {
  /** Each is covered by an overlay on itself. */
  readonly lower: readonly Buffer[];
  readonly stacked: readonly RecordedOverlay[];
}

function real(path: Buffer): Buffer {
  try {
    return realpathSync.native(path, { encoding: 'buffer' });
  } catch (error) {
    throw fileFailure(error, 'a directory that is to be covered cannot be found');
  }
}

/** With symbolic links resolved: an overlay is attached where they lead. */
export function resolvedPlaces({ lower, stacked }: AskedPlaces): readonly RecordedOverlay[] {
  const places = [
    ...lower.map(real).map((path) => ({ target: path, lower: [path] })),
    ...stacked.map((each) => ({ target: real(each.target), lower: each.lower.map(real) })),
  ];
  for (const [i, { target }] of places.entries()) {
    if (places.findIndex((other) => other.target.equals(target)) !== i) {
      const option = i < lower.length ? 'options.lower' : 'options.overlays';
      throw argumentValue(option, `covers '${target}' twice`);
    }
  }
  return places;
}

/** What is mounted below directories that are covered in place, by target. */
export type MountsBelow = ReadonlyMap<string, readonly Mount[]>;

/**
 * @param privileged Whether we may mount what we have not mounted ourselves; asked where it matters.
 * @throws OverlayError `EINVAL` where there are some, and an ordinary user is told so.
 */
export async function findMountsBelow(
  asked: readonly RecordedOverlay[],
  privileged: () => boolean,
): Promise<MountsBelow> {
  const inPlace = asked.filter(({ target, lower }) => lower.some((layer) => layer.equals(target)));
  const names = inPlace.map(({ target }) => target.toString());
  const table = await listMountsIf((target) => names.some((name) => isBelow(target, name)));
  const found = new Map<string, readonly Mount[]>();
  for (const name of names) {
    const below = visibleBelow(table, name);
    const [first] = below;
    if (first !== undefined && !privileged()) {
      throw name === '/' ? rootlessRoot() : mountsBelow(name, first.target);
    }
    found.set(name, below);
  }
  return found;
}

/** @param session Where it lies, or will. */
export async function placesOf(
  asked: readonly RecordedOverlay[],
  mounts: MountsBelow,
  session: Buffer,
): Promise<SandboxPlaces> {
  const some = [...mounts.values()].some((below) => below.length > 0);
  const hidden = some ? (await mountPointOf(session))?.toString() : undefined;
  const taken = new Set(asked.map(({ target }) => target.toString()));
  const found = [...mounts.values()].map((below) => placesBelow(below, taken, hidden));
  const overlays = new Map<string, RecordedOverlay>();
  for (const each of [...asked, ...found.flatMap((below) => below.overlays)]) {
    overlays.set(each.target.toString('latin1'), each);
  }
  const all = (list: (places: SandboxPlaces) => readonly string[]): string[] => [
    ...new Set(found.flatMap(list)),
  ];
  return {
    overlays: [...overlays.values()],
    carried: all(({ carried }) => carried),
    emptied: all(({ emptied }) => emptied),
    warnings: all(({ warnings }) => warnings),
  };
}
