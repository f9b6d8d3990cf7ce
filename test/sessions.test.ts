// Sessions of root, and of the root of a user namespace; and what takes a mount to try.
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { OverlayError } from 'overlayfs';
import { discardSession, mountOverlay, pruneSessions, syscalls } from 'overlayfs';
import { SandboxPlace } from './helpers/sandbox-place.ts';
import { sessionCases } from './helpers/session-cases.ts';

sessionCases();

const tmpfs = (target: string): void => {
  mkdirSync(target, { recursive: true });
  syscalls.mountSync('tmpfs', target, 'tmpfs');
};

test.serial('what is mounted in a session is not removed with it', async (t) => {
  using place = new SandboxPlace();
  await (await place.sandbox({ session: 'one' })).close();
  const inside = join(place.state, 'one/0/upper/mounted');
  tmpfs(inside);
  writeFileSync(join(inside, 'precious'), '');
  try {
    await t.throwsAsync(discardSession('one', { directory: place.state }), { code: 'EXDEV' });
    const [left = ''] = place.sessions();
    t.true(left.startsWith('.old-'));
    t.deepEqual(readdirSync(join(place.state, left, '0/upper/mounted')), ['precious']);
    const [pruned] = await pruneSessions({ directory: place.state });
    t.is(pruned?.error?.code, 'EXDEV');
    syscalls.umountSync(join(place.state, place.sessions()[0] ?? '', '0/upper/mounted'), 0);
  } catch (error) {
    syscalls.umountSync(inside, syscalls.MNT_DETACH);
    throw error;
  }
  await pruneSessions({ directory: place.state });
  t.deepEqual(place.sessions(), []);
});

test.serial(
  'closing that failed at what is mounted in a session removes it when it is tried again',
  async (t) => {
    using place = new SandboxPlace();
    const sandbox = await place.sandbox();
    tmpfs(join(sandbox.path, '0/upper/mounted'));
    const mounted = (): string => join(place.state, place.sessions()[0] ?? '', '0/upper/mounted');
    await t.throwsAsync(sandbox.close(), { code: 'EXDEV' });
    await t.throwsAsync(sandbox.close(), { code: 'EXDEV' });
    syscalls.umountSync(mounted(), 0);
    await sandbox.close();
    t.deepEqual(place.sessions(), []);
  },
);

test.serial('a session whose upper another program has mounted is not discarded', async (t) => {
  using place = new SandboxPlace();
  const sandbox = await place.sandbox({ session: 'one' });
  await sandbox.close();
  const overlay = await mountOverlay({
    lower: place.lower,
    upper: join(sandbox.path, '0/upper'),
    work: join(sandbox.path, '0/work'),
  });
  try {
    const busy = { code: 'EBUSY', message: /is mounted|in use/ };
    await t.throwsAsync(discardSession('one', { directory: place.state }), busy);
    await t.throwsAsync(place.sandbox({ session: 'one' }), { code: 'EBUSY' });
    t.deepEqual(place.sessions(), ['one']);
  } finally {
    await overlay.close();
  }
  await discardSession('one', { directory: place.state });
});

test.serial('what is mounted below a lower has an overlay of its own', async (t) => {
  using place = new SandboxPlace();
  const inner = join(place.lower, 'inner');
  tmpfs(inner);
  writeFileSync(join(inner, 'file'), 'inner');
  tmpfs(join(inner, 'deeper'));
  try {
    const sandbox = await place.sandbox({ session: 'one' });
    t.deepEqual(
      sandbox.overlays.map(({ target }) => target),
      [place.lower, inner, join(inner, 'deeper')],
    );
    t.deepEqual(sandbox.warnings, []);
    const script =
      'cat inner/file; echo a > inner/a; echo b > inner/deeper/b; echo c > c; rm inner/file';
    const { code, stdout } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
    t.deepEqual([code, stdout.toString()], [0, 'inner']);
    await sandbox.close();
    t.deepEqual(readdirSync(inner).sort(), ['deeper', 'file']);
    t.deepEqual(readdirSync(join(inner, 'deeper')), []);
    t.deepEqual(readdirSync(place.lower), ['inner']);
    await using again = await place.sandbox({ session: 'one' });
    const listed = await again.run('ls', ['inner', 'inner/deeper'], { cwd: place.lower });
    t.is(listed.stdout.toString(), 'inner:\na\ndeeper\n\ninner/deeper:\nb\n');
  } finally {
    syscalls.umountSync(inner, syscalls.MNT_DETACH);
  }
});

test.serial(
  'sessions on a mount of its own below the lower: programs see that one empty',
  async (t) => {
    using place = new SandboxPlace();
    const state = join(place.lower, 'state');
    tmpfs(state);
    try {
      await using sandbox = await place.sandbox({ directory: join(state, 'sessions') });
      t.deepEqual(sandbox.warnings, [`${state} is seen empty: the session lies there`]);
      const script = 'ls -A state; echo > state/x; echo > y';
      const { code, stdout } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
      t.deepEqual([code, stdout.toString()], [0, '']);
      t.deepEqual(readdirSync(state), ['sessions']);
    } finally {
      syscalls.umountSync(state, syscalls.MNT_DETACH);
    }
  },
);

test.serial(
  'no space in the session: the program is told, the session can be entered',
  async (t) => {
    using place = new SandboxPlace();
    mkdirSync(place.state);
    syscalls.mountSync('tmpfs', place.state, 'tmpfs', 0, 'size=1m,mode=0700');
    try {
      const full = await place.sandbox({ session: 'one' });
      const script = 'head -c 5000000 /dev/zero > big; echo $?';
      const { stdout, stderr } = await full.run('sh', ['-c', script], { cwd: place.lower });
      t.is(stdout.toString(), '1\n');
      t.regex(stderr.toString(), /[Nn]o space/);
      const filler = openSync(join(place.state, 'filler'), 'w');
      t.throws(() => writeSync(filler, Buffer.alloc(2 << 20)) && writeSync(filler, 'x'), {
        code: 'ENOSPC',
      });
      closeSync(filler);
      // It frees a little, which may be enough to write down the end.
      await full.close().catch((error: OverlayError) => t.is(error.code, 'ENOSPC'));
      await full.close();
      await t.throwsAsync(place.sandbox({ session: 'two' }), { code: 'ENOSPC' });
      t.deepEqual(place.sessions(), ['filler', 'one']);
      rmSync(join(place.state, 'filler'));
      const again = await place.sandbox({ session: 'one' });
      t.is((await again.run('rm', ['big'], { cwd: place.lower })).code, 0);
      await again.close();
      await discardSession('one', { directory: place.state });
      t.deepEqual(place.sessions(), []);
    } finally {
      syscalls.umountSync(place.state, syscalls.MNT_DETACH);
    }
  },
);

test.serial('the flags of the mount that is covered stay', async (t) => {
  using place = new SandboxPlace();
  const { MS_NOEXEC, MS_NOSUID, MNT_DETACH } = syscalls;
  syscalls.mountSync('tmpfs', place.lower, 'tmpfs', MS_NOEXEC | MS_NOSUID);
  try {
    writeFileSync(join(place.lower, 'script'), '#!/bin/sh\n', { mode: 0o755 });
    await using sandbox = await place.sandbox();
    await t.throwsAsync(sandbox.run('./script', [], { cwd: place.lower }), { code: 'EACCES' });
    const { stdout } = await sandbox.run('findmnt', ['-no', 'OPTIONS', '-T', place.lower]);
    t.regex(stdout.toString(), /\bnosuid\b.*\bnoexec\b/);
  } finally {
    syscalls.umountSync(place.lower, MNT_DETACH);
  }
});
