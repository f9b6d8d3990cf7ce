// Sessions of root, and of the root of a user namespace, applied; and what takes a mount to try.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { applySession, syscalls } from 'overlayfs';
import type { Result } from './helpers/command.ts';
import { overlayfs } from './helpers/command.ts';
import { asRoot } from './helpers/place.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';
import { plantLower, sessionApplyCases } from './helpers/session-apply-cases.ts';

sessionApplyCases();

test.serial('what fails in one directory changes none', async (t) => {
  using place = new SandboxPlace();
  const lower = [place.at('first'), place.at('second')];
  const options = { directory: place.state };
  for (const each of lower) {
    mkdirSync(join(each, 'd'), { recursive: true });
    await plantLower(each);
  }
  const sandbox = await place.sandbox({
    overlays: lower.map((each) => ({ target: each, lower: each })),
    session: 'one',
  });
  for (const cwd of lower) {
    await sandbox.run('sh', ['-c', 'rm gone; echo > d/f'], { cwd });
  }
  await sandbox.close();
  const inside = place.at('second/d');
  syscalls.mountSync('tmpfs', inside, 'tmpfs');
  try {
    const result = await applySession('one', options);
    t.like(result, { complete: false, discarded: false });
    t.deepEqual(
      result.overlays.map(({ applied, changed, failed }) => [applied, changed, failed.length]),
      [
        [0, false, 0],
        [0, false, 1],
      ],
    );
    for (const each of lower) {
      t.deepEqual(readdirSync(each).sort(), ['changed', 'd', 'gone']);
    }
  } finally {
    syscalls.umountSync(inside, 0);
  }
  const result = await applySession('one', options);
  t.like(result, { complete: true, discarded: true });
  for (const each of lower) {
    t.deepEqual(readdirSync(each).sort(), ['changed', 'd']);
  }
  t.deepEqual(place.sessions(), []);
});

test.serial('a mount below that a sandbox shows is not changed either', async (t) => {
  using place = new SandboxPlace();
  const inside = place.at('lower/d');
  mkdirSync(inside);
  syscalls.mountSync('tmpfs', inside, 'tmpfs');
  try {
    const options = { directory: place.state };
    const one = await place.sandbox({ lower: inside, session: 'one' });
    await one.run('touch', ['new'], { cwd: inside });
    await one.close();
    const other = await place.sandbox({ session: 'two' });
    other.spawn('sleep', ['60'], { cwd: inside });
    await t.throwsAsync(applySession('one', options), { code: 'EBUSY', message: /is a layer/ });
    await other.close();
    t.true((await applySession('one', options)).discarded);
    t.deepEqual(readdirSync(inside), ['new']);
  } finally {
    syscalls.umountSync(inside, 0);
  }
});

test.serial('where nothing has changed nothing has to be writable', async (t) => {
  using place = new SandboxPlace();
  const inside = place.at('lower/ro');
  mkdirSync(inside);
  syscalls.mountSync('tmpfs', inside, 'tmpfs', syscalls.MS_RDONLY);
  const command = (name: string, ...words: string[]): Promise<Result> =>
    overlayfs([name, '--dir', place.state, ...words], { cwd: place.lower });
  const touch = (file: string): string[] => ['--on-success', 'apply', '--', 'touch', file];
  try {
    const ran = await command('run', ...touch('new'));
    t.deepEqual([ran.status, ran.stderr], [0, '']);
    t.deepEqual([readdirSync(place.lower).sort(), place.sessions()], [['new', 'ro'], []]);
    await command('run', '--name', 'one', '--', 'touch', 'more');
    for (const words of [['--dry-run'], ['--keep', '--keep-going'], []]) {
      const applied = await command('apply', ...words, '--theirs', 'one');
      t.deepEqual([applied.status, applied.stderr], [0, ''], words.join(' '));
    }
    t.deepEqual([readdirSync(place.lower).sort(), place.sessions()], [['more', 'new', 'ro'], []]);
    const other = await command('run', ...touch('ro/f'));
    const entered = await command('run', '--name', 'two', ...touch('ro/f'));
    for (const { status, stderr } of [other, entered]) {
      t.is(status, 1);
      t.regex(
        stderr,
        /EROFS: .*lower\/ro.*`overlayfs apply --of \S*\/lower --dir \S+ (two|tmp-\w+)`/,
      );
    }
    for (const words of [['--dry-run'], ['--keep-going'], []]) {
      t.is((await command('apply', ...words, 'two')).status, 1);
    }
    const part = await command('apply', '--of', place.lower, 'two');
    t.deepEqual([part.status, part.stderr], [0, '']);
    const again = await command('run', '--name', 'two', ...touch('last'));
    t.is(again.status, 1, again.stderr); // not 125
  } finally {
    syscalls.umountSync(inside, 0);
  }
});

test.serial('a session that could not be discarded is not applied', async (t) => {
  using place = new SandboxPlace();
  await plantLower(place.lower);
  mkdirSync(place.state);
  syscalls.mountSync('tmpfs', place.state, 'tmpfs');
  try {
    const sandbox = await place.sandbox({ session: 'one' });
    await sandbox.run('touch', ['new'], { cwd: place.lower });
    await sandbox.close();
    syscalls.mountSync('none', place.state, null, syscalls.MS_REMOUNT | syscalls.MS_RDONLY);
    const options = { directory: place.state };
    const refused = {
      code: 'EROFS',
      message: /session 'one'.*nothing was (applied|changed).*keep/,
    };
    await t.throwsAsync(applySession('one', options), refused);
    t.deepEqual(readdirSync(place.lower).sort(), ['changed', 'gone']);
    t.like(await applySession('one', { ...options, keep: true }), { complete: true });
    t.deepEqual(readdirSync(place.lower).sort(), ['changed', 'gone', 'new']);
  } finally {
    syscalls.umountSync(place.state, 0);
  }
});

// Without the file handles that the kernel writes for root it cannot be told from one that was changed, and
// whose file somebody else has removed.
(asRoot ? test.serial : test.serial.skip)(
  'a file that moved is a new name [root only]',
  async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    const sandbox = await place.sandbox({ session: 'one' });
    await sandbox.run('mv', ['changed', 'moved'], { cwd: place.lower });
    await sandbox.close();
    writeFileSync(place.at('lower/swap'), 'by somebody else');
    const result = await applySession('one', { directory: place.state });
    t.like(result, { complete: true, discarded: true });
    t.deepEqual(readdirSync(place.lower).sort(), ['gone', 'moved', 'swap']);
  },
);
