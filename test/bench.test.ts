// The benchmark is only worth something while its answers are right: its trees are the same each time,
// and the floor, the library, the command and the oracle say the same of them.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const main = fileURLToPath(new URL('../bench/main.js', import.meta.url));

test('the floor of the benchmark gives the answer of the library and the oracle', async (t) => {
  t.timeout(300_000);
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [main, 'changes', '--check']);
  t.is(stdout.match(/the same answer by all/g)?.length, 4, stdout);
});

test('the benchmark of running applies what it measures, and leaves no session', async (t) => {
  t.timeout(300_000);
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [main, 'run', '--check']);
  // What is applied is compared before it is timed; so are the sessions that are left.
  for (const title of ['overlayfs run -- true', 'createSandbox, spawn, close', 'applyChanges']) {
    t.true(stdout.includes(`\n  ${title} `), stdout);
  }
});
