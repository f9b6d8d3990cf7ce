// What `overlayfs run` of an ordinary user looks at before and after.
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { overlayfs } from './helpers/command.ts';
import { runCheckCases } from './helpers/run-check-cases.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';

runCheckCases();

const run = (place: SandboxPlace, ...words: readonly string[]): ReturnType<typeof overlayfs> =>
  overlayfs(['run', '--dir', place.state, ...words], { cwd: place.lower });

test.serial('where he may not write nothing is run that is to be applied', async (t) => {
  using place = new SandboxPlace();
  const ran = place.at('ran');
  const touch = ['--', 'touch', ran];
  const system = await run(place, '--lower', '/usr/share', '--on-success', 'apply', ...touch);
  t.is(system.status, 125);
  t.regex(
    system.stderr,
    /^overlayfs: E(ACCES|ROFS): .*access '\/usr\/share': what the program changes/,
  );
  // Of his own: neither the directory nor the one it is in.
  const inner = place.at('outer/inner');
  mkdirSync(inner, { recursive: true });
  const words = ['--lower', inner, '--on-failure', 'apply', ...touch];
  chmodSync(inner, 0o555);
  chmodSync(place.at('outer'), 0o555);
  t.is((await run(place, ...words)).status, 125);
  t.false(existsSync(ran));
  // One of the two is enough for what an apply makes.
  chmodSync(place.at('outer'), 0o755);
  t.is((await run(place, ...words)).status, 0);
  t.true(existsSync(ran));
  chmodSync(place.at('outer'), 0o555);
  chmodSync(inner, 0o755);
  t.is((await run(place, ...words)).status, 0);
  chmodSync(place.at('outer'), 0o755);
  t.deepEqual(place.sessions(), []);
});

test.serial('what he may not read or execute is told with the reason', async (t) => {
  using place = new SandboxPlace();
  mkdirSync(join(place.lower, 'closed'));
  chmodSync(join(place.lower, 'closed'), 0);
  for (const [words, status, message] of [
    [['--', '/root/program'], 126, /program': a directory on the way to the program may not/],
    [
      ['--lower', 'closed', '--', 'true'],
      125,
      /open '.*closed': this user may not read this lower/,
    ],
  ] as const) {
    const result = await run(place, ...words);
    t.is(result.status, status);
    t.regex(result.stderr, message);
  }
  chmodSync(join(place.lower, 'closed'), 0o755);
  t.deepEqual(place.sessions(), []);
});
