// A first try.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../helpers/lab.ts';
import { cells } from './cells.ts';
import { describe } from './operations.ts';
import { Trials } from './trial.ts';

const lab = await Lab.start();
const base = mkdtempSync(join(tmpdir(), 'overlayfs-test-'));
await lab.mount('tmpfs', base, 'tmpfs', [], '');
const pattern = process.argv[2] ?? '';
const count = Number(process.argv[3] ?? 20);
let n = 0;
const trials = new Trials(lab, { tmpfs: base, ext4: base }, 20000);
const began = Date.now();
const kinds: Record<string, number> = {};
for (const cell of cells(['tmpfs'], ['root']).filter((c) => c.name.includes(pattern))) {
  for (let seed = 0; seed < count; seed++) {
    n++;
    const { failure } = await trials.generated(cell, seed, { upper: 40, lower: 15 });
    if (failure) {
      const { what, history, expected, actual } = failure;
      const text = what + (actual.length === 1 ? actual[0] : '');
      const key = `${cell.name} ${text.slice(0, 150)}`;
      kinds[key] = (kinds[key] ?? 0) + 1;
      console.log(cell.name, seed, what);
      for (const layer of history.lowers) {
        console.log('  lower by', layer.by);
        for (const op of layer.operations) console.log('    ', describe(op));
      }
      if (history.data.length) console.log('  data');
      for (const op of history.data) console.log('    ', describe(op));
      console.log('  upper');
      for (const op of history.operations) console.log('    ', describe(op));
      console.log('expected', expected, 'actual', actual);
    }
  }
}
console.log(n, (Date.now() - began) / n, 'ms each');
console.log(kinds);
await lab.umount(base);
await lab.close();
