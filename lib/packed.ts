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

const changesHead = 12;

const contentUnknown = 1 << 10;
const unknown = 1 << 11;
const moved = 1 << 12;
const renamed = 1 << 13;
/** Above these bits of a change's first word are its aspects; the others few changes have. */
const aspectShift = 14;
const rare = (0b1111 << 6) | contentUnknown | unknown | renamed;

/**
 * Short texts, cut out of one string for many of them: making a string of bytes costs three times as
 * much as a piece of a string. A piece keeps the whole alive, so that is short as well: whoever keeps
 * a path does not keep the batch.
 */
class AsciiTexts {
  static readonly #length = 1024;
  readonly #block: Buffer;
  #text = '';
  #from = 0;
  #to = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  cut(from: number, to: number): string {
    if (to > this.#to) {
      this.#from = from;
      this.#to = Math.max(to, Math.min(from + AsciiTexts.#length, this.#block.length));
      this.#text = this.#block.toString('latin1', from, this.#to);
    }
    return this.#text.substring(from - this.#from, to - this.#from);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The words of a batch. What the addon gives lies where a number may; nobody promises it. */
function wordsOf(block: Buffer, count: number): Uint32Array {
  const at = block.byteOffset + changesHead;
  return at % Uint32Array.BYTES_PER_ELEMENT === 0
    ? new Uint32Array(block.buffer, at, count)
    : new Uint32Array(
        Uint8Array.prototype.slice.call(block, changesHead, changesHead + count * 4).buffer,
      );
}

/** The paths of one directory share its text. */
export function decodeChanges(block: Buffer, withBytes: boolean): Change[] {
  if (block.length === 0) {
    return [];
  }
  const count = block.readUInt32LE(0);
  const words = wordsOf(block, block.readUInt32LE(4));
  const texts = block.readUInt32LE(8) === 1 && !withBytes ? new AsciiTexts(block) : undefined;
  const out: Change[] = [];
  let at = changesHead + words.byteLength;
  let word = 0;
  let directory = '';
  let directoryBytes: Buffer = block.subarray(0, 0);
  for (let i = 0; i < count; i++) {
    const bits = words[word++] as number;
    const size = words[word++] as number;
    if ((bits & moved) !== 0) {
      const end = at + (words[word++] as number);
      if (texts === undefined) {
        directoryBytes = block.subarray(at, end);
      } else {
        directory = texts.cut(at, end);
      }
      at = end;
    }
    const nameEnd = at + size;
    const kind = kindOf(bits & 0b11);
    const type = typeOf((bits >>> 2) & 0b1111);
    const aspects = aspectsOf(bits >>> aspectShift);
    if (texts !== undefined && (bits & rare) === 0) {
      out.push({ kind, path: directory + texts.cut(at, nameEnd), type, aspects });
      at = nameEnd;
      continue;
    }
    const name = block.subarray(at, nameEnd);
    const path =
      texts === undefined
        ? nameOf(Buffer.concat([directoryBytes, name]), withBytes)
        : { text: directory + texts.cut(at, nameEnd), bytes: undefined };
    at = nameEnd;
    const change: Mutable<Change> = { kind, path: path.text, type, aspects };
    if (path.bytes !== undefined) {
      change.pathBytes = path.bytes;
    }
    const previous = (bits >>> 6) & 0b1111;
    if (previous !== 0) {
      change.previousType = typeOf(previous);
    }
    if ((bits & contentUnknown) !== 0) {
      change.content = 'unknown';
    }
    if ((bits & unknown) !== 0) {
      change.unknown = true;
    }
    if ((bits & renamed) !== 0) {
      const end = at + (words[word++] as number);
      const from = nameOf(block.subarray(at, end), withBytes);
      change.renamedFrom = from.text;
      if (from.bytes !== undefined) {
        change.renamedFromBytes = from.bytes;
      }
      at = end;
    }
    out.push(change);
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
