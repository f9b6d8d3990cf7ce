/** Where a sandbox has overlays: what was asked for, and what is mounted below. */
import { realpathSync, statSync } from 'node:fs';
import { argumentValue } from './errors.ts';
import type { Mount } from './mount-entry.ts';
import { listMounts } from './mount-table.ts';
import { fileFailure, mountsBelow, rootlessRoot } from './session-errors.ts';
import type { RecordedOverlay } from './session-record.ts';
import { isWithin } from './session-roots.ts';

export interface SandboxPlaces {
  readonly overlays: readonly RecordedOverlay[];
  /** Mounts that are seen as they are. */
  readonly carried: readonly string[];
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

/** Those that can be seen: neither covered by another mount on the same place, nor on a covered one. */
function visibleBelow(table: readonly Mount[], target: string): Mount[] {
  const covered = new Set(
    table
      .filter((mount) => table.some((other) => liesOver(other, mount)))
      .map(({ mountId }) => mountId),
  );
  return table.filter(
    (mount) =>
      mount.target !== target &&
      isWithin(mount.target, target) &&
      !covered.has(mount.mountId) &&
      !covered.has(mount.parentId),
  );
}

function liesOver(other: Mount, mount: Mount): boolean {
  return other.parentId === mount.mountId && other.target === mount.target && other !== mount;
}

interface Below {
  readonly overlays: readonly RecordedOverlay[];
  readonly carried: readonly string[];
  readonly warnings: readonly string[];
}

/** The kernel takes one mount as a layer, without those below it. */
function placesBelow(
  below: readonly Mount[],
  { taken, left }: { taken: ReadonlySet<string>; left: (target: string) => boolean },
): Below {
  const overlays: RecordedOverlay[] = [];
  const carried: string[] = [];
  const warnings: string[] = [];
  for (const { target, targetBytes, filesystemType } of below) {
    if (taken.has(target) || carried.some((each) => isWithin(target, each))) {
      continue; // it has an overlay already, or comes along with the mount it lies on
    }
    if (left(target)) {
      warnings.push(`what is mounted on ${target} is not seen: the session lies there`);
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
  return { overlays, carried, warnings };
}

function depth(target: Buffer): number {
  return target.length === 1 ? 0 : target.toString('latin1').split('/').length;
}

/** Outer ones before those inside of them. */
export function inOrder<T extends { readonly target: Buffer }>(places: readonly T[]): T[] {
  return [...places].sort((a, b) => depth(a.target) - depth(b.target));
}

export interface AskedPlaces {
  /** Each is covered by an overlay on itself. */
  readonly lower: readonly Buffer[];
  readonly stacked: readonly RecordedOverlay[];
}

function real(path: Buffer): Buffer {
  try {
    return realpathSync(path, { encoding: 'buffer' });
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
      throw argumentValue('options.overlays', `covers '${target}' twice`);
    }
  }
  return places;
}

/**
 * `left`: mounts that are not to be seen at all. `privileged`: whether we may mount what we have not
 * mounted ourselves; asked where it matters.
 */
export async function findPlaces(
  asked: readonly RecordedOverlay[],
  privileged: () => boolean,
  left: (target: string) => boolean,
): Promise<SandboxPlaces> {
  const table = await listMounts();
  const taken = new Set(asked.map(({ target }) => target.toString()));
  const inPlace = asked.filter(({ target, lower }) => lower.some((layer) => layer.equals(target)));
  const found = inPlace.map(({ target }) => {
    const name = target.toString();
    const below = visibleBelow(table, name);
    const [first] = below;
    if (first !== undefined && !privileged()) {
      throw name === '/' ? rootlessRoot() : mountsBelow(name, first.target);
    }
    return placesBelow(below, { taken, left });
  });
  const overlays = new Map<string, RecordedOverlay>();
  for (const each of [...asked, ...found.flatMap((below) => below.overlays)]) {
    overlays.set(each.target.toString('latin1'), each);
  }
  return {
    overlays: [...overlays.values()],
    carried: [...new Set(found.flatMap(({ carried }) => carried))],
    warnings: [...new Set(found.flatMap(({ warnings }) => warnings))],
  };
}
