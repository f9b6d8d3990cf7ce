// What an ordinary user outside any namespace is told.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { OverlayError } from 'overlayfs';
import {
  bindMount,
  changes,
  listOverlays,
  mountOverlay,
  mountTmpfs,
  moveMount,
  remount,
  scanLayer,
  setPropagation,
  syscalls,
  unmount,
} from 'overlayfs';

let base = '';

test.before(() => {
  base = mkdtempSync(join(tmpdir(), 'overlayfs-test-plain-'));
  for (const name of ['lower', 'target', 'upper']) {
    mkdirSync(join(base, name));
  }
});

test.after.always(() => rmSync(base, { recursive: true, force: true }));

test('mounting is refused before anything is created, with the way out', async (t) => {
  const options = {
    lower: join(base, 'lower'),
    upper: join(base, 'new'),
    target: join(base, 'target'),
  };
  const error = await t.throwsAsync(mountOverlay(options), { name: 'OverlayError', code: 'EPERM' });
  const { message, syscall, dest, errno } = error as OverlayError;
  t.deepEqual([syscall, dest, errno], ['mount', options.target, -1]);
  t.regex(message, /^EPERM: operation not permitted, mount 'overlay' -> '.*target': .*unshare/);
  t.deepEqual(readdirSync(base).sort(), ['lower', 'target', 'upper']);
});

test('trusted marks cannot be read, and that is an error and no answer', async (t) => {
  const layers = { upper: join(base, 'upper'), lower: join(base, 'lower') };
  await t.throwsAsync(changes(layers).next(), {
    code: 'EPERM',
    message: /trusted\.overlay.*run as root.*--userxattr/,
  });
  await t.throwsAsync(scanLayer(layers.upper).next(), { code: 'EPERM' });
  t.deepEqual(await changes({ ...layers, xattrs: 'user' }).next(), {
    done: true,
    value: undefined,
  });
});

test('every call on mounts is refused with the way out, by both interfaces', async (t) => {
  const [lower, target] = [join(base, 'lower'), join(base, 'target')];
  for (const how of [undefined, 'fsopen', 'mount'] as const) {
    const options = how === undefined ? {} : { interface: how };
    for (const call of [
      bindMount(lower, target, options),
      mountTmpfs(target, options),
      moveMount('/proc', target, options),
      remount('/proc', { readOnly: true, ...options }),
      setPropagation('/proc', 'private', options),
    ]) {
      const error = await t.throwsAsync<OverlayError>(call, { code: 'EPERM' });
      t.regex(error?.hint ?? '', /CAP_SYS_ADMIN.*unshare/, error?.message);
    }
  }
});

test('a user namespace without mounts of its own is told so', (t) => {
  const script = `
    import { mountTmpfs } from 'overlayfs';
    for (const how of ['fsopen', 'mount']) {
      await mountTmpfs(process.argv[1], { interface: how }).catch((error) => {
        console.log(error.code, error.hint);
      });
    }
  `;
  const node = [process.execPath, '--input-type=module', '-e', script, join(base, 'target')];
  const { stdout, stderr } = spawnSync('unshare', ['--user', '--map-root-user', '--', ...node], {
    encoding: 'utf8',
  });
  t.is(stderr, '');
  t.regex(stdout, /^(EPERM this user namespace does not own the mount namespace.* --mount`\n){2}$/);
});

test('unmounting and raw calls give the kernel its say', async (t) => {
  await t.throwsAsync(unmount('/proc', { any: true }), { code: 'EPERM' });
  await t.throwsAsync(syscalls.umount('/proc'), { code: 'EPERM' });
  await t.throwsAsync(syscalls.mount('none', join(base, 'target'), 'tmpfs'), { code: 'EPERM' });
  await t.throwsAsync(syscalls.fsopen('tmpfs'), { code: 'EPERM' });
  const clone = syscalls.OPEN_TREE_CLONE;
  await t.throwsAsync(syscalls.openTree(syscalls.AT_FDCWD, base, clone), { code: 'EPERM' });
  t.true(Array.isArray(await listOverlays()));
});
