// Overlays of an ordinary user, in his own process: no privilege, no namespace entered, no helper
// program.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { changes, mountOverlay, mountOverlaySync } from 'overlayfs';
import { listed } from './helpers/listed.ts';

function place(t: ExecutionContext): string {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'overlayfs-test-')));
  t.teardown(() => {
    spawnSync('chmod', ['-R', 'u+rwX', base]);
    rmSync(base, { recursive: true, force: true });
  });
  mkdirSync(`${base}/lower/tree`, { recursive: true });
  writeFileSync(`${base}/lower/file`, 'text');
  writeFileSync(`${base}/lower/gone`, 'text');
  writeFileSync(`${base}/lower/tree/leaf`, 'text');
  return base;
}

test('read, write, delete, rename, and see exactly that', async (t) => {
  const base = place(t);
  const namespaces = ['user', 'mnt'].map((name) => readlinkSync(`/proc/self/ns/${name}`));
  const overlay = await mountOverlay({ lower: `${base}/lower`, upper: `${base}/upper` });
  t.true(overlay.rootless);
  t.true(overlay.userxattr);
  t.is(readFileSync(overlay.resolve('file'), 'utf8'), 'text');
  writeFileSync(overlay.resolve('file'), 'changed');
  writeFileSync(overlay.resolve('new'), 'new');
  rmSync(overlay.resolve('gone'));
  rmSync(overlay.resolve('tree'), { recursive: true });
  mkdirSync(overlay.resolve('tree'));
  symlinkSync('new', overlay.resolve('link'));
  renameSync(overlay.resolve('link'), overlay.resolve('tree/link'));
  chmodSync(overlay.resolve('new'), 0o600);
  const expected = ['M file', 'D gone', 'A new', 'D tree/leaf', 'A tree/link'];
  t.deepEqual(await listed(overlay.changes()), expected);
  // Nothing is remapped: what we made is ours, inside and in the upper.
  t.is(lstatSync(overlay.resolve('new')).uid, statSync(base).uid);
  t.is(lstatSync(`${base}/upper/new`).uid, statSync(base).uid);
  t.true(lstatSync(`${base}/upper/gone`).isCharacterDevice());
  t.deepEqual(
    ['user', 'mnt'].map((name) => readlinkSync(`/proc/self/ns/${name}`)),
    namespaces,
  );
  await overlay.close();
  const source = { upper: `${base}/upper`, lower: `${base}/lower`, xattrs: 'user' } as const;
  t.deepEqual(await listed(changes(source)), expected);
  await using again = await mountOverlay({ lower: `${base}/lower`, upper: `${base}/upper` });
  t.is(readFileSync(again.resolve('file'), 'utf8'), 'changed');
});

test('every kind of upper', async (t) => {
  const base = place(t);
  const kinds = [
    'tmpfs',
    { type: 'tmpfs', size: 1 << 20 },
    { type: 'directory', parent: base },
  ] as const;
  for (const upper of kinds) {
    await using overlay = await mountOverlay({ lower: `${base}/lower`, upper });
    writeFileSync(overlay.resolve('new'), 'new');
    rmSync(overlay.resolve('tree'), { recursive: true });
    t.deepEqual(await listed(overlay.changes()), ['A new', 'D tree']);
  }
  t.deepEqual(readdirSync(base), ['lower']);
  for (let i = 0; i < 2; i++) {
    await using overlay = await mountOverlay({
      lower: `${base}/lower`,
      upper: `${base}/upper`,
      volatile: true,
    });
    writeFileSync(overlay.resolve(`new${i}`), '');
  }
  t.deepEqual(readdirSync(`${base}/upper`), ['new0', 'new1']);
});

test('a view without an upper, mount attributes, and hundreds of layers', async (t) => {
  const base = place(t);
  const lower = Array.from({ length: 300 }, (_, i) => `${base}/${i}`.padEnd(250, 'l'));
  for (const [i, path] of lower.entries()) {
    mkdirSync(path);
    writeFileSync(`${path}/file${i}`, '');
  }
  await using view = await mountOverlay({ lower });
  t.is(readdirSync(view.resolve()).length, 300);
  t.throws(() => writeFileSync(view.resolve('new'), ''), { code: 'EROFS' });
  await using overlay = await mountOverlay({
    lower: `${base}/lower`,
    upper: 'tmpfs',
    readOnly: true,
    noexec: true,
  });
  t.throws(() => writeFileSync(overlay.resolve('new'), ''), { code: 'EROFS' });
});

test('layers that are open, and an overlay upon an overlay', async (t) => {
  const base = place(t);
  const fd = openSync(`${base}/lower`, 'r');
  await using first = await mountOverlay({ lower: { fd }, upper: 'tmpfs' });
  closeSync(fd);
  writeFileSync(first.resolve('first'), '');
  await using second = await mountOverlay({ lower: first, upper: 'tmpfs' });
  writeFileSync(second.resolve('second'), '');
  t.deepEqual(await listed(second.changes()), ['A second']);
  t.true(existsSync(second.resolve('first')));
});

test('what an ordinary user cannot have says so and leaves nothing', async (t) => {
  const base = place(t);
  const options = { lower: `${base}/lower`, upper: `${base}/upper` };
  mkdirSync(`${base}/target`);
  await t.throwsAsync(mountOverlay({ ...options, target: `${base}/target` }), {
    code: 'EPERM',
    message: /without `target`.*`run`/,
  });
  await t.throwsAsync(mountOverlay({ ...options, userxattr: false }), { code: 'EPERM' });
  const overlay = await mountOverlay({ ...options, upper: 'tmpfs' });
  await t.throwsAsync(overlay.attach(`${base}/target`), { code: 'EPERM', message: /`run`/ });
  await overlay.close();
  t.deepEqual(readdirSync(base), ['lower', 'target']);
});

test('files of others cannot be copied up', async (t) => {
  // /etc/passwd belongs to root, who is nobody in a namespace that knows only its owner.
  await using overlay = await mountOverlay({ lower: '/etc', upper: 'tmpfs' });
  t.true(readFileSync(overlay.resolve('passwd'), 'utf8').includes('root:'));
  t.throws(() => writeFileSync(overlay.resolve('passwd'), ''), { code: 'EACCES' });
  t.deepEqual(await listed(overlay.changes()), []);
});

test('a large heap costs nothing, and other threads run on', async (t) => {
  const base = place(t);
  const heap = Buffer.alloc(200 << 20, 1);
  const worker = new Worker('setInterval(() => {}, 1)', { eval: true });
  for (let i = 0; i < 20; i++) {
    await using overlay = await mountOverlay({ lower: `${base}/lower`, upper: 'tmpfs' });
    t.true(overlay.rootless);
  }
  await worker.terminate();
  t.is(heap[heap.length - 1], 1);
});

test.serial('nothing is left of a hundred', (t) => {
  const base = place(t);
  const cycle = (): void => {
    using overlay = mountOverlaySync({ lower: `${base}/lower`, upper: 'tmpfs' });
    t.true(statSync(overlay.resolve('file')).isFile());
  };
  cycle();
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 100; i++) cycle();
  t.is(readdirSync('/proc/self/fd').length, before);
  t.is(readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8'), '');
});

test('workers mount too', async (t) => {
  const base = place(t);
  const script = new URL('./helpers/mounting-worker.js', import.meta.url);
  const ended = Array.from(
    { length: 4 },
    () =>
      new Promise((resolve) => {
        new Worker(script, { workerData: `${base}/lower` }).on('exit', resolve);
      }),
  );
  t.deepEqual(await Promise.all(ended), [0, 0, 0, 0]);
});
