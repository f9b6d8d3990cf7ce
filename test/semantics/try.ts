// A first try.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../helpers/lab.ts';
import { cells } from './cells.ts';
import { Disagreement } from './check.ts';
import { generate } from './generator.ts';
import { describe } from './operations.ts';
import { Runner } from './runner.ts';

const lab = await Lab.start();
const base = mkdtempSync(join(tmpdir(), 'overlayfs-test-'));
await lab.mount('tmpfs', base, 'tmpfs', [], '');
const pattern = process.argv[2] ?? '';
let n = 0;
const began = Date.now();
const total = { operations: 0, refused: 0, changes: 0 };
const kinds: Record<string, number> = {};
let shown = 0;
for (const cell of cells(['tmpfs'], ['root']).filter((c) => c.name.includes(pattern))) {
  for (let seed = 0; seed < 20; seed++) {
    const history = generate(cell, seed, { upper: 40, lower: 15 });
    n++;
    try {
      const out = await Runner.run(lab, cell, { tmpfs: base, ext4: base }, `h${n}`, history);
      total.operations += out.operations;
      total.refused += out.refused;
      total.changes += out.changes;
    } catch (error) {
      const what =
        error instanceof Disagreement
          ? error.what + (error.actual.length === 1 ? error.actual[0] : '')
          : String(error);
      kinds[`${cell.name} ${what.slice(0, 150)}`] =
        (kinds[`${cell.name} ${what.slice(0, 150)}`] ?? 0) + 1;
      if (!(error instanceof Disagreement)) console.log(error);
      if (shown++ < 3 && error instanceof Disagreement) {
        console.log(cell.name, seed, error.what);
        console.log(error.expected.filter((x) => !error.actual.includes(x)));
        console.log(error.actual.filter((x) => !error.expected.includes(x)));
        for (const op of history.operations) console.log('   ', describe(op));
      }
    }
  }
}
console.log(n, total, (Date.now() - began) / n, 'ms each');
console.log(kinds);
await lab.umount(base);
await lab.close();
