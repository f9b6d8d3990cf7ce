/** Decodes what native/binding/packed.cc writes of the two sides of a change. */
import type { FileStat } from './entries.ts';
import { nameOf } from './names.ts';
import { typeOf } from './packed-types.ts';

const head = 63;

function statAt(block: Buffer, at: number, withBytes: boolean): FileStat {
  const type = typeOf(block.readUInt8(at));
  const targetAt = at + head;
  const target = block.subarray(targetAt, targetAt + block.readUInt32LE(at + 59));
  const name = type === 'symlink' ? nameOf(target, withBytes) : undefined;
  const device = type === 'character-device' || type === 'block-device';
  return {
    type,
    mode: block.readUInt16LE(at + 1),
    uid: block.readUInt32LE(at + 3),
    gid: block.readUInt32LE(at + 7),
    nlink: block.readUInt32LE(at + 11),
    size: Number(block.readBigUInt64LE(at + 23)),
    mtimeNs: block.readBigInt64LE(at + 31) * 1_000_000_000n + BigInt(block.readUInt32LE(at + 39)),
    ino: block.readBigUInt64LE(at + 43),
    dev: block.readBigUInt64LE(at + 51),
    ...(device
      ? { device: { major: block.readUInt32LE(at + 15), minor: block.readUInt32LE(at + 19) } }
      : {}),
    ...(name === undefined ? {} : { target: name.text }),
    ...(name?.bytes === undefined ? {} : { targetBytes: name.bytes }),
  };
}

/** What is there on both sides, and where the next change begins. */
export interface PackedSides {
  readonly stat: { readonly before?: FileStat; readonly after?: FileStat };
  readonly end: number;
}

export function sidesAt(block: Buffer, at: number, withBytes: boolean): PackedSides {
  const sizeOf = (start: number): number =>
    block.readUInt8(start) === 0 ? 1 : head + block.readUInt32LE(start + 59);
  const afterAt = at + sizeOf(at);
  return {
    stat: {
      ...(block.readUInt8(at) === 0 ? {} : { before: statAt(block, at, withBytes) }),
      ...(block.readUInt8(afterAt) === 0 ? {} : { after: statAt(block, afterAt, withBytes) }),
    },
    end: afterAt + sizeOf(afterAt),
  };
}
