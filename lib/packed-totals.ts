/** Decodes the totals of directories, whose layout is written down in native/binding/packed.cc. */
import type { ChangeTotals } from './change-totals.ts';
import type { Name } from './names.ts';
import { nameOf } from './names.ts';

export interface NamedTotals {
  readonly name: Name;
  readonly totals: ChangeTotals;
}

const head = 52;

export function decodeTotals(block: Buffer, withBytes: boolean): NamedTotals[] {
  const out: NamedTotals[] = [];
  for (let at = 0; at < block.length; ) {
    const number = (place: number): number => block.readDoubleLE(at + 8 * place);
    const end = at + head + block.readUInt32LE(at + head - 4);
    out.push({
      name: nameOf(block.subarray(at + head, end), withBytes),
      totals: {
        added: number(0),
        modified: number(1),
        deleted: number(2),
        addedBytes: number(3),
        freedBytes: number(4),
        changedBytes: number(5),
      },
    });
    at = end;
  }
  return out;
}
