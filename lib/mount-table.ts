/**
 * The table of mounts of the process's mount namespace. Where the kernel has all of it, it is read by
 * listmount(2) and statmount(2), else from `/proc/thread-self/mountinfo`; the entries are the same. A
 * reading during which mounts came, went or moved is repeated a few times. What lies outside of the
 * process's root directory is not in the table.
 */
import type { PathLike } from './arguments.ts';
import { absolutePath } from './arguments.ts';
import type { Mount, OverlayMount } from './mount-entry.ts';
import { native, unwrap } from './native.ts';
import type { NativeOverlay } from './native-mount-table.ts';
import { tableSources } from './native-mount-table.ts';
import { decodeMount, splitMounts, targetOf } from './packed-mounts.ts';

const { auto } = tableSources;

function overlayMount(found: NativeOverlay): OverlayMount {
  return {
    ...decodeMount(found.entry),
    lower: found.lower.map(String),
    lowerBytes: found.lower,
    dataLower: found.dataLower.map(String),
    dataLowerBytes: found.dataLower,
    upper: found.upper?.toString(),
    upperBytes: found.upper ?? undefined,
    work: found.work?.toString(),
    workBytes: found.work ?? undefined,
    userxattr: found.userxattr,
    options: found.options.map(String),
    deletedLayers: found.deletedLayers.map(String),
  };
}

/**
 * Every mount in this mount namespace, in the order of the mount table. Of several on one mount point
 * the one that can be seen is the one that is no other's `parentId`.
 *
 * @throws OverlayError where neither statmount(2) nor `/proc` can be read.
 * @see proc_pid_mountinfo(5), listmount(2), statmount(2)
 */
export async function listMounts(): Promise<Mount[]> {
  return splitMounts(unwrap(await native().listMounts(auto, false))).map(decodeMount);
}

/** The same where any mount point is `wanted`, else none: to decode them all takes a while. */
export async function listMountsIf(wanted: (target: string) => boolean): Promise<Mount[]> {
  const entries = splitMounts(unwrap(await native().listMounts(auto, false)));
  return entries.map(targetOf).some(wanted) ? entries.map(decodeMount) : [];
}

/** Like `listMounts`, blocking. */
export function listMountsSync(): Mount[] {
  return splitMounts(unwrap(native().listMounts(auto, true))).map(decodeMount);
}

/**
 * Every overlay in this mount namespace, in the order of the mount table.
 *
 * @throws OverlayError where neither statmount(2) nor `/proc` can be read.
 * @see proc_pid_mountinfo(5), listmount(2), statmount(2)
 */
export async function listOverlays(): Promise<OverlayMount[]> {
  return unwrap(await native().listOverlays(auto, false)).map(overlayMount);
}

/** Like `listOverlays`, blocking. */
export function listOverlaysSync(): OverlayMount[] {
  return unwrap(native().listOverlays(auto, true)).map(overlayMount);
}

const decodeFound = (entry: Buffer | null): Mount | undefined =>
  entry === null ? undefined : decodeMount(entry);

/**
 * The mount that a file or directory lies on, symbolic links resolved: the kernel is asked (statx(2)),
 * names are not compared. Only where it does not say (before Linux 5.8) the mount point that is the
 * longest leading part of the path is taken, in whole components.
 *
 * `undefined` for what lies on a mount that is not in the table: a detached one, one of another
 * mount namespace reached through a descriptor, one outside of the process's root.
 *
 * @throws OverlayError `ENOENT`, `EACCES`, … where the path does not lead anywhere.
 */
export async function findMount(path: PathLike): Promise<Mount | undefined> {
  const bytes = absolutePath(path, 'path');
  return decodeFound(unwrap(await native().findMount(bytes, auto, false)));
}

/** Like `findMount`, blocking. */
export function findMountSync(path: PathLike): Mount | undefined {
  return decodeFound(unwrap(native().findMount(absolutePath(path, 'path'), auto, true)));
}
