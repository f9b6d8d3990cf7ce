// What an ordinary user outside any namespace is told.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { OverlayError } from 'overlayfs';
import { changes, listOverlays, mountOverlay, scanLayer, syscalls, unmount } from 'overlayfs';

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

test('unmounting and raw calls give the kernel its say', async (t) => {
  await t.throwsAsync(unmount('/proc', { any: true }), { code: 'EPERM' });
  await t.throwsAsync(syscalls.umount('/proc'), { code: 'EPERM' });
  await t.throwsAsync(syscalls.mount('none', join(base, 'target'), 'tmpfs'), { code: 'EPERM' });
  t.true(Array.isArray(await listOverlays()));
});
