/**
 * Decodes the batches of native/binding/packed.cc, where the layouts are written down. A batch is one
 * block of bytes, since an object for every field made on the native side would cost more than the
 * walk.
 */
import type { Aspect, Change, ChangeKind, FileType, LayerEntry, Mark } from './entries.ts';
import { nameOf } from './names.ts';

const types: readonly (FileType | undefined)[] = [
  undefined,
  'file',
  'directory',
  'symlink',
  'fifo',
  'socket',
  'character-device',
  'block-device',
];

const kinds: readonly ChangeKind[] = ['added', 'modified', 'deleted'];

/** By bit, as in native/core/compare.h. */
export const aspectOrder: readonly Aspect[] = [
  'type',
  'content',
  'mode',
  'owner',
  'xattrs',
  'times',
  'device',
  'target',
  'links',
];

const noAspects: readonly Aspect[] = Object.freeze([]);
/** There are few combinations: each list is made once. */
const aspectLists = new Map<number, readonly Aspect[]>([[0, noAspects]]);

function aspectsOf(bits: number): readonly Aspect[] {
  let list = aspectLists.get(bits);
  if (list === undefined) {
    list = Object.freeze(aspectOrder.filter((_, bit) => (bits & (1 << bit)) !== 0));
    aspectLists.set(bits, list);
  }
  return list;
}

function typeOf(code: number): FileType {
  const type = types[code];
  if (type === undefined) {
    throw new Error(`the native walk gave the unknown file type ${code}`);
  }
  return type;
}

function kindOf(code: number): ChangeKind {
  const kind = kinds[code];
  if (kind === undefined) {
    throw new Error(`the native walk gave the unknown kind ${code}`);
  }
  return kind;
}

const changeHead = 14;

function renamedFrom(bytes: Buffer, withBytes: boolean): Partial<Change> {
  const name = nameOf(bytes, withBytes);
  return {
    renamedFrom: name.text,
    ...(name.bytes === undefined ? {} : { renamedFromBytes: name.bytes }),
  };
}

export function decodeChanges(block: Buffer, withBytes: boolean): Change[] {
  const out: Change[] = [];
  for (let at = 0; at < block.length; ) {
    const previous = block.readUInt8(at + 2);
    const flags = block.readUInt8(at + 3);
    const pathEnd = at + changeHead + block.readUInt32LE(at + 6);
    const end = pathEnd + block.readUInt32LE(at + 10);
    const path = nameOf(block.subarray(at + changeHead, pathEnd), withBytes);
    out.push({
      kind: kindOf(block.readUInt8(at)),
      path: path.text,
      ...(path.bytes === undefined ? {} : { pathBytes: path.bytes }),
      type: typeOf(block.readUInt8(at + 1)),
      ...(previous === 0 ? {} : { previousType: typeOf(previous) }),
      aspects: aspectsOf(block.readUInt16LE(at + 4)),
      ...((flags & 1) === 0 ? {} : { content: 'unknown' }),
      ...((flags & 2) === 0 ? {} : { unknown: true }),
      ...(pathEnd === end ? {} : renamedFrom(block.subarray(pathEnd, end), withBytes)),
    });
    at = end;
  }
  return out;
}

const entryHead = 69;

/** What the marks of one namespace say, apart from their bytes. */
function facts(marks: readonly Mark[], prefix: string): Partial<LayerEntry> {
  const value = (name: string): Buffer | undefined =>
    marks.find((mark) => mark.name === `${prefix}${name}`)?.value;
  const opaque = value('opaque')?.toString('latin1');
  const redirect = value('redirect');
  return {
    ...(opaque === 'y' || opaque === 'x' ? { opaque } : {}),
    ...(redirect === undefined ? {} : { redirect: redirect.toString() }),
    ...(value('metacopy') === undefined ? {} : { metacopy: true }),
    ...(value('origin') === undefined ? {} : { origin: true }),
  };
}

export function decodeEntries(block: Buffer, prefix: string, withBytes: boolean): LayerEntry[] {
  const out: LayerEntry[] = [];
  for (let at = 0; at < block.length; ) {
    const type = typeOf(block.readUInt8(at));
    const size = Number(block.readBigUInt64LE(at + 23));
    const major = block.readUInt32LE(at + 15);
    const minor = block.readUInt32LE(at + 19);
    const pathEnd = at + entryHead + block.readUInt32LE(at + 59);
    const targetEnd = pathEnd + block.readUInt32LE(at + 63);
    const path = nameOf(block.subarray(at + entryHead, pathEnd), withBytes);
    const target = nameOf(block.subarray(pathEnd, targetEnd), withBytes);
    const marks: Mark[] = [];
    let next = targetEnd;
    for (let left = block.readUInt16LE(at + 67); left > 0; left--) {
      const valueAt = next + 6 + block.readUInt16LE(next);
      const valueEnd = valueAt + block.readUInt32LE(next + 2);
      marks.push({
        name: block.toString('utf8', next + 6, valueAt),
        value: Buffer.from(block.subarray(valueAt, valueEnd)),
      });
      next = valueEnd;
    }
    const device = type === 'character-device' || type === 'block-device';
    const marked = marks.some((mark) => mark.name === `${prefix}whiteout`);
    const whiteout =
      type === 'character-device' && major === 0 && minor === 0
        ? 'device'
        : type === 'file' && size === 0 && marked
          ? 'xattr'
          : undefined;
    out.push({
      path: path.text,
      ...(path.bytes === undefined ? {} : { pathBytes: path.bytes }),
      type,
      mode: block.readUInt16LE(at + 1),
      uid: block.readUInt32LE(at + 3),
      gid: block.readUInt32LE(at + 7),
      nlink: block.readUInt32LE(at + 11),
      size,
      mtimeNs: block.readBigInt64LE(at + 31) * 1_000_000_000n + BigInt(block.readUInt32LE(at + 39)),
      ino: block.readBigUInt64LE(at + 43),
      dev: block.readBigUInt64LE(at + 51),
      ...(device ? { device: { major, minor } } : {}),
      ...(type === 'symlink' ? { target: target.text } : {}),
      ...(type === 'symlink' && target.bytes !== undefined ? { targetBytes: target.bytes } : {}),
      ...(whiteout === undefined ? {} : { whiteout }),
      ...facts(marks, prefix),
      marks,
    });
    at = next;
  }
  return out;
}
