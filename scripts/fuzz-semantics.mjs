// Random histories without end: `npm run fuzz:semantics -- --minutes N [--seed S] [--cell NAME]
// [--history FILE] [--failures DIR]`. Interrupted once it finishes what it has begun.

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fail } from './lib/print.mjs';
import { root } from './lib/root.mjs';
import { planSuites } from './lib/sandbox.mjs';
import { buildLab } from './lib/suite-core.mjs';
import { semanticsSuite } from './lib/suite-semantics.mjs';

const string = { type: 'string' };
let values;
try {
  ({ values } = parseArgs({
    options: { minutes: string, seed: string, cell: string, history: string, failures: string },
  }));
} catch (error) {
  fail(error.message);
}
if (process.platform !== 'linux') {
  fail('overlayfs exists on Linux only.');
}
if (!(await buildLab())) {
  fail('test/lab cannot be built.');
}

const args = ['--failures', resolve(values.failures ?? join(root, 'build', 'semantics-failures'))];
for (const name of ['seed', 'cell']) {
  if (values[name] !== undefined) {
    args.push(`--${name}`, values[name]);
  }
}
if (values.history === undefined) {
  args.push('--minutes', values.minutes ?? '10');
} else {
  args.push('--history', resolve(values.history));
}

// The program has heard of it too, and ends in its own time.
process.on('SIGINT', () => undefined);
const result = await semanticsSuite(await planSuites(), args);
if (result.skip) {
  fail(result.skip);
}
for (const failure of result.failures) {
  process.stdout.write(`failed: ${failure}\n`);
}
process.exitCode = result.failed > 0 ? 1 : 0;
