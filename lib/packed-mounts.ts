/** Decodes the entries of the table of mounts that native/binding/mount_table.cc packs. */
import type { Mount, MountPropagation } from './mount-entry.ts';

/** Places in an entry, behind its length. */
const places = {
  id: 4,
  uniqueId: 12,
  parent: 20,
  peerGroup: 28,
  master: 36,
  propagateFrom: 44,
  major: 52,
  minor: 56,
  flags: 60,
  optionCount: 61,
  texts: 65,
} as const;

/** The entries of a block, each with its length, not copied. */
export function splitMounts(block: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < block.length; ) {
    const end = at + 4 + block.readUInt32LE(at);
    entries.push(block.subarray(at, end));
    at = end;
  }
  return entries;
}

/** Two entries with one key are of the same mount, if ids are `unique`. */
export function keyOf(entry: Buffer): { readonly key: bigint; readonly unique: boolean } {
  const key = entry.readBigUInt64LE(places.uniqueId);
  return key === 0n
    ? { key: entry.readBigUInt64LE(places.id), unique: false }
    : { key, unique: true };
}

/** Ids of the table and of peer groups: the kernel has 31 bits for them. */
function smallNumber(entry: Buffer, place: number): number {
  return Number(entry.readBigUInt64LE(place));
}

function propagationOf(entry: Buffer): MountPropagation {
  const group = (place: number): number | undefined => smallNumber(entry, place) || undefined;
  return {
    peerGroup: group(places.peerGroup),
    master: group(places.master),
    propagateFrom: group(places.propagateFrom),
    unbindable: (entry.readUInt8(places.flags) & 1) !== 0,
  };
}

/** The mount point alone, as it is. */
export function targetOf(entry: Buffer): string {
  const root = places.texts;
  const target = root + 4 + entry.readUInt32LE(root);
  return entry.toString('utf8', target + 4, target + 4 + entry.readUInt32LE(target));
}

export function decodeMount(entry: Buffer): Mount {
  let at: number = places.texts;
  const text = (): Buffer => {
    const start = at + 4;
    at = start + entry.readUInt32LE(at);
    return Buffer.from(entry.subarray(start, at)); // a name kept does not keep the whole table
  };
  const rootBytes = text();
  const targetBytes = text();
  const mountOptions = text().toString().split(',');
  const filesystemType = text().toString();
  const sourceBytes = text();
  const superOptionsBytes = Array.from({ length: entry.readUInt32LE(places.optionCount) }, text);
  const superOptions = superOptionsBytes.map(String);
  return {
    target: targetBytes.toString(),
    targetBytes,
    source: sourceBytes.toString(),
    sourceBytes,
    filesystemType,
    mountId: smallNumber(entry, places.id),
    uniqueId: entry.readBigUInt64LE(places.uniqueId) || undefined,
    parentId: smallNumber(entry, places.parent),
    device: { major: entry.readUInt32LE(places.major), minor: entry.readUInt32LE(places.minor) },
    root: rootBytes.toString(),
    rootBytes,
    deleted: (entry.readUInt8(places.flags) & 2) !== 0,
    mountOptions,
    superOptions,
    superOptionsBytes,
    readOnly: mountOptions.includes('ro') || superOptions.includes('ro'),
    propagation: propagationOf(entry),
  };
}
