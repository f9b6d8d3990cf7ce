// Uppers that are more than a directory: in memory, temporary, made like the lower, volatile.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import { changes } from 'overlayfs';
import { listed } from './helpers/listed.ts';
import { tableLine } from './helpers/mountinfo.ts';
import { mountOverlay, mountOverlaySync } from './helpers/mounting.ts';
import { asRoot, Place, standard } from './helpers/place.ts';

test('an upper in memory, which ends with the overlay', async (t) => {
  using place = new Place('lower', 'target');
  chmodSync(place.at('lower'), 0o1751);
  utimesSync(place.at('lower'), 1000, 1000);
  const upper = { type: 'tmpfs', size: 1 << 20, inodes: 50 } as const;
  await using overlay = await mountOverlay({ ...standard(place), upper });
  const { mode, mtimeMs } = statSync(overlay.path);
  t.is(mode & 0o7777, 0o1751);
  t.is(mtimeMs, 1_000_000);
  t.deepEqual([overlay.upper, overlay.work], [undefined, undefined]);
  const { bsize, blocks, files } = statfsSync(overlay.path);
  t.is(bsize * blocks, 1 << 20);
  t.is(files, 50);
  writeFileSync(`${overlay.path}/new`, 'text');
  t.throws(() => writeFileSync(`${overlay.path}/big`, Buffer.alloc(2 << 20)), { code: 'ENOSPC' });
  t.deepEqual(await listed(overlay.changes()), ['A big', 'A new']);
  await overlay.close();
  t.deepEqual(readdirSync(place.base).sort(), ['lower', 'target']);
});

test('an upper in a temporary directory', async (t) => {
  using place = new Place('lower/deep/tree', 'parent', 'target');
  const upper = { type: 'directory', parent: place.at('parent') } as const;
  const overlay = await mountOverlay({ ...standard(place), upper });
  t.is(readdirSync(place.at('parent')).length, 1);
  t.true(overlay.upper?.startsWith(`${place.at('parent')}/overlayfs-`));
  writeFileSync(`${overlay.path}/deep/tree/new`, 'text');
  mkdirSync(`${overlay.path}/closed/within`, { recursive: true });
  chmodSync(`${overlay.path}/closed`, 0);
  rmSync(`${overlay.path}/deep/tree`, { recursive: true });
  await t.throwsAsync(overlay.close({ lazy: true }), {
    code: 'ENOTSUP',
    message: /without `lazy`/,
  });
  t.false(overlay.closed);
  await overlay.close();
  t.deepEqual(readdirSync(place.at('parent')), []);
  t.true(existsSync(place.at('lower/deep/tree')));
});

test('what fails leaves no temporary directory', (t) => {
  using place = new Place('lower', 'parent', 'target');
  const upper = { type: 'directory', parent: place.at('parent') } as const;
  const extraOptions = ['no_such_option'];
  t.throws(() => mountOverlaySync({ ...standard(place), upper, extraOptions }), { code: 'EINVAL' });
  t.throws(() => mountOverlaySync({ ...standard(place), upper: 'tmpfs', extraOptions }), {
    code: 'EINVAL',
  });
  t.deepEqual(readdirSync(place.at('parent')), []);
});

test("an upper in memory cannot be listed from outside, and nobody else's is", async (t) => {
  using place = new Place('lower', 'target');
  await using overlay = await mountOverlay({ ...standard(place), upper: 'tmpfs' });
  writeFileSync(`${overlay.path}/new`, '');
  t.deepEqual(await listed(overlay.changes()), ['A new']);
  await t.throwsAsync(listed(changes(overlay.path)), {
    code: 'ENOTSUP',
    message: /in memory.*`before` and `after`/,
  });
  const before = place.at('lower');
  t.deepEqual(await listed(changes({ before, after: overlay.path })), ['A new']);
});

test('initUpper gives an upper that exists the attributes of the lower', async (t) => {
  using place = new Place('lower', 'upper', 'target');
  chmodSync(place.at('lower'), 0o751);
  chmodSync(place.at('upper'), 0o700);
  {
    await using overlay = await mountOverlay(standard(place));
    t.is(statSync(overlay.path).mode & 0o7777, 0o700);
  }
  await using overlay = await mountOverlay({ ...standard(place), initUpper: true });
  t.is(statSync(overlay.path).mode & 0o7777, 0o751);
});

test('a volatile upper is made good when it is closed', async (t) => {
  using place = new Place('lower', 'target');
  const marker = place.at('upper.work/work/incompat/volatile');
  const options = { ...standard(place), volatile: true };
  for (let i = 0; i < 3; i++) {
    await using overlay = await mountOverlay(options);
    writeFileSync(`${overlay.path}/file${i}`, '');
    t.true(tableLine(overlay.path).options.some((option) => /^(?:fsync=)?volatile$/.test(option)));
  }
  await using durable = await mountOverlay(standard(place));
  t.is(readdirSync(durable.path).length, 3);
  await durable.close();
  t.false(asRoot && existsSync(marker));
});

test('a volatile upper that was not synced is refused, unless it is accepted', async (t) => {
  using place = new Place('lower', 'target');
  const options = { ...standard(place), volatile: true };
  for (const close of [{ sync: false }, { lazy: true }]) {
    const overlay = await mountOverlay({ ...options, acceptUnclean: true });
    await overlay.close(close);
    for (const each of [options, standard(place)]) {
      const error = await t.throwsAsync(mountOverlay(each), { code: 'EINVAL' });
      t.regex(error?.message ?? '', /volatile/);
      t.regex(error?.message ?? '', /acceptUnclean/);
    }
  }
  await using overlay = await mountOverlay({ ...standard(place), acceptUnclean: true });
  t.true(overlay.writable);
});

test('a volatile mount that fails leaves no mark', async (t) => {
  using place = new Place('lower/inner', 'upper', 'upper.work', 'target');
  const lower = [place.at('lower'), place.at('lower/inner')];
  await t.throwsAsync(mountOverlay({ ...standard(place), lower, volatile: true }), {
    code: 'ELOOP',
  });
  await using overlay = await mountOverlay(standard(place));
  t.true(overlay.writable);
});

test('what was accepted is not made good by a mount that fails', async (t) => {
  using place = new Place('lower', 'target');
  const volatile = await mountOverlay({ ...standard(place), volatile: true });
  await volatile.close({ sync: false });
  const options = { ...standard(place), acceptUnclean: true, extraOptions: ['no_such_option'] };
  await t.throwsAsync(mountOverlay(options), { code: 'EINVAL', message: /no_such_option/ });
  await t.throwsAsync(mountOverlay(standard(place)), { message: /acceptUnclean/ });
  await using overlay = await mountOverlay({ ...standard(place), acceptUnclean: true });
  t.true(overlay.writable);
});
