/** Decodes what native/binding/sides.cc writes of the two sides of paths. */
import type { FileStat, FileType } from './entries.ts';
import { nameOf } from './names.ts';

/** S_IFMT and what it can be. */
const typeMask = 0o170000;
const types: ReadonlyMap<number, FileType> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
]);

/** Of a side where nothing is, and of one with all its numbers. */
const nothing = 4;
const head = 64;

function statAt(block: Buffer, at: number, withBytes: boolean): FileStat {
  const mode = block.readUInt32LE(at);
  const type = types.get(mode & typeMask);
  if (type === undefined) {
    throw new Error(`the native reader gave the unknown mode ${mode}`);
  }
  const target = block.subarray(at + head, at + head + block.readUInt32LE(at + 60));
  const name = type === 'symlink' ? nameOf(target, withBytes) : undefined;
  const device = type === 'character-device' || type === 'block-device';
  return {
    type,
    mode: mode & ~typeMask,
    uid: block.readUInt32LE(at + 4),
    gid: block.readUInt32LE(at + 8),
    nlink: block.readUInt32LE(at + 12),
    size: Number(block.readBigUInt64LE(at + 24)),
    mtimeNs: block.readBigInt64LE(at + 32) * 1_000_000_000n + BigInt(block.readUInt32LE(at + 40)),
    ino: block.readBigUInt64LE(at + 44),
    dev: block.readBigUInt64LE(at + 52),
    ...(device
      ? { device: { major: block.readUInt32LE(at + 16), minor: block.readUInt32LE(at + 20) } }
      : {}),
    ...(name === undefined ? {} : { target: name.text }),
    ...(name?.bytes === undefined ? {} : { targetBytes: name.bytes }),
  };
}

/** One path after another. */
export class PackedSides {
  readonly #block: Buffer;
  readonly #withBytes: boolean;
  #at = 0;

  constructor(block: Buffer, withBytes: boolean) {
    this.#block = block;
    this.#withBytes = withBytes;
  }

  get ended(): boolean {
    return this.#at === this.#block.length;
  }

  next(): { readonly before?: FileStat; readonly after?: FileStat } {
    const [before, after] = [this.#side(), this.#side()];
    return { ...(before && { before }), ...(after && { after }) };
  }

  #side(): FileStat | undefined {
    const at = this.#at;
    if (this.#block.readUInt32LE(at) === 0) {
      this.#at = at + nothing;
      return undefined;
    }
    this.#at = at + head + this.#block.readUInt32LE(at + 60);
    return statAt(this.#block, at, this.#withBytes);
  }
}
