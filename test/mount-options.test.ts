// What can be asked of a mount, and that the kernel has it afterwards: by both of its interfaces.
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import type { MountOptions } from 'overlayfs';
import { changes, syscalls } from 'overlayfs';
import { listed } from './helpers/listed.ts';
import { byMount, mountOverlay, mountOverlaySync } from './helpers/mounting.ts';
import { asRoot, Place } from './helpers/place.ts';

const rootOnly = asRoot ? test : test.skip;

const standard = (place: Place): { lower: string; upper: string; target: string } => ({
  lower: place.at('lower'),
  upper: place.at('upper'),
  target: place.at('target'),
});

/** The line of the table for a mount point: its own options, the tags, and those of the filesystem. */
function tableLine(target: string): { own: string[]; tags: string; options: string[] } {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[4] === target);
  const [own = '', ...tags] = line?.split(' - ')[0]?.split(' ').slice(5) ?? [];
  const options = line?.split(' ').at(-1) ?? '';
  return { own: own.split(','), tags: tags.join(' '), options: options.split(',') };
}

test('what we pin', async (t) => {
  using place = new Place('lower', 'target');
  await using overlay = await mountOverlay(standard(place));
  const { options } = tableLine(overlay.path);
  for (const word of ['index', 'metacopy', 'nfs_export', 'xino']) {
    t.false(options.some((option) => option === `${word}=on`));
  }
  t.false(options.includes('redirect_dir=on'));
  t.is(options.includes('userxattr'), !asRoot);
  t.is(overlay.interface, byMount ? 'mount' : 'fsopen');
});

const features: readonly (readonly [given: Partial<MountOptions>, ...shown: string[]])[] = [
  [{ redirectDir: 'on' }, 'redirect_dir=on'],
  [{ redirectDir: 'follow' }],
  [{ redirectDir: 'nofollow' }],
  [{ index: true }, 'index=on'],
  [{ metacopy: true }, 'metacopy=on', 'redirect_dir=on'],
  [{ nfsExport: true }, 'nfs_export=on', 'index=on'],
  [{ uuid: 'on' }, 'uuid=on'],
  [{ uuid: 'null' }, 'uuid=null'],
  [{ uuid: 'off' }, 'uuid=off'],
  [{ defaultPermissions: true }, 'default_permissions'],
  [{ overrideCreds: false }],
  [{ overrideCreds: true }],
  [{ index: true, redirectDir: 'on', volatile: true }, 'index=on', 'redirect_dir=on'],
  [{ extraOptions: ['fsync=strict'] }, 'fsync=strict'],
];

for (const [given, ...shown] of features) {
  rootOnly(`the kernel has ${JSON.stringify(given)} [root only]`, async (t) => {
    using place = new Place('lower', 'target');
    await using overlay = await mountOverlay({ ...standard(place), ...given });
    const { options } = tableLine(overlay.path);
    for (const option of shown) {
      t.true(options.includes(option), `${option} in ${options.join()}`);
    }
    writeFileSync(`${overlay.path}/new`, '');
    t.deepEqual(await listed(overlay.changes()), ['A new']);
  });
}

rootOnly('xino is for layers on several filesystems [root only]', async (t) => {
  using place = new Place('target');
  place.tmpfs('one');
  place.tmpfs('two');
  for (const directory of ['one/lower', 'two/lower']) mkdirSync(place.at(directory));
  const lower = [place.at('one/lower'), place.at('two/lower')];
  for (const xino of ['on', 'auto', 'off'] as const) {
    await using overlay = await mountOverlay({ ...standard(place), lower, xino });
    t.is(tableLine(overlay.path).options.includes(`xino=${xino}`), xino !== 'off');
  }
});

const attributes: readonly (readonly [given: Partial<MountOptions>, ...own: string[]])[] = [
  [{ readOnly: true }, 'ro', 'relatime'],
  [{ nosuid: true, nodev: true, noexec: true }, 'rw', 'nosuid', 'nodev', 'noexec', 'relatime'],
  [{ readOnly: true, nosuid: true }, 'ro', 'nosuid', 'relatime'],
  [{ atime: 'noatime' }, 'rw', 'noatime'],
  [{ nodiratime: true }, 'rw', 'nodiratime', 'relatime'],
  [{ nosymfollow: true }, 'rw', 'relatime', 'nosymfollow'],
];

for (const [given, ...own] of attributes) {
  test(`the mount is ${JSON.stringify(given)}`, async (t) => {
    using place = new Place('lower', 'target');
    symlinkSync('file', place.at('lower/link'));
    writeFileSync(place.at('lower/file'), 'text');
    await using overlay = await mountOverlay({ ...standard(place), ...given });
    t.deepEqual(tableLine(overlay.path).own.sort(), own.sort());
    if (given.readOnly) {
      t.throws(() => writeFileSync(`${overlay.path}/new`, ''), { code: 'EROFS' });
    }
    if (given.nosymfollow) {
      t.throws(() => readFileSync(`${overlay.path}/link`), { code: 'ELOOP' });
    }
  });
}

test('strictatime', async (t) => {
  using place = new Place('lower', 'target');
  await using overlay = await mountOverlay({ ...standard(place), atime: 'strictatime' });
  t.deepEqual(tableLine(overlay.path).own, ['rw']);
});

for (const propagation of ['private', 'shared', 'slave', 'unbindable'] as const) {
  test(`the mount is ${propagation}, whatever it lies on`, async (t) => {
    using place = new Place('lower', 'target');
    await using overlay = await mountOverlay({ ...standard(place), propagation });
    const { tags } = tableLine(overlay.path);
    t.is(tags.includes('shared:'), propagation === 'shared');
    t.is(tags.includes('unbindable'), propagation === 'unbindable');
  });
}

test('the lowers in one string, for software that reads it back', async (t) => {
  using place = new Place('lo:wer', 'second', 'target');
  const lower = [place.at('lo:wer'), place.at('second')];
  await using overlay = await mountOverlay({ ...standard(place), lower, lowerdirText: true });
  const text = tableLine(overlay.path).options.find((option) => option.startsWith('lowerdir='));
  t.is(text, `lowerdir=${place.at('lo\\134:wer')}:${place.at('second')}`);
});

test('five hundred lowers, and one too many', async (t) => {
  using place = new Place('target');
  const lower = Array.from({ length: 501 }, (_, i) => place.at(`${i}`.padStart(60, 'l')));
  lower.forEach((path, i) => {
    mkdirSync(path);
    writeFileSync(`${path}/file${i}`, '');
  });
  {
    await using overlay = await mountOverlay({ ...standard(place), lower: lower.slice(0, 500) });
    t.is(readdirSync(overlay.path).length, 500);
    t.is(overlay.warnings.length, byMount ? 1 : 0);
  }
  const error = await t.throwsAsync(mountOverlay({ ...standard(place), lower }));
  t.regex(error?.message ?? '', /500/);
});

test('paths of any length', async (t) => {
  using place = new Place('target');
  const deep = `${place.base}/${Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(200, 'd')).join('/')}`;
  mkdirSync(deep, { recursive: true });
  writeFileSync(`${deep}/file`, 'text');
  await using overlay = await mountOverlay({ ...standard(place), lower: deep });
  t.is(readFileSync(`${overlay.path}/file`, 'utf8'), 'text');
  writeFileSync(`${overlay.path}/file`, 'changed');
  t.deepEqual(await listed(overlay.changes()), ['M file']);
});

test('what a mount would show otherwise than one may expect is a warning', async (t) => {
  using place = new Place('lower/inner', 'target');
  place.tmpfs('lower/inner');
  writeFileSync(place.at('lower/inner/hidden'), '');
  {
    await using overlay = await mountOverlay(standard(place));
    t.deepEqual(readdirSync(`${overlay.path}/inner`), []);
    t.is(overlay.warnings.length, 1);
    t.regex(overlay.warnings[0] ?? '', /a mount lies below the lower .*lower\/inner/);
  }
  const names = Array.from({ length: 270 }, (_, i) => place.at(`${i}`.padEnd(250, 'x')));
  for (const name of names) mkdirSync(name);
  if (byMount) return; // which shows numbers
  await using overlay = await mountOverlay({ ...standard(place), lower: names });
  t.is(overlay.warnings.length, 1);
  t.regex(overlay.warnings[0] ?? '', /will have about \d+ bytes.*64 KiB/);
});

test('one string that is too long is refused, not cut and not numbers', async (t) => {
  using place = new Place('target');
  const lower = Array.from({ length: 20 }, (_, i) => place.at(`${i}`.padEnd(240, 'x')));
  for (const name of lower) mkdirSync(name);
  await t.throwsAsync(mountOverlay({ ...standard(place), lower, lowerdirText: true }), {
    code: 'E2BIG',
    message: /4095 of mount\(2\)/,
  });
  t.deepEqual(place.overlays(), []);
});

test('a data-only lower', async (t) => {
  using place = new Place('lower', 'data', 'target');
  writeFileSync(place.at('lower/file'), 'text');
  writeFileSync(place.at('data/hidden'), 'text');
  await using overlay = await mountOverlay({ ...standard(place), dataLower: place.at('data') });
  t.deepEqual(readdirSync(overlay.path), ['file']);
  t.deepEqual(overlay.dataLower, [place.at('data')]);
});

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

test('an option that has a name here cannot come in raw', async (t) => {
  using place = new Place('lower', 'target');
  for (const option of ['userxattr', 'volatile', 'fsync=volatile', 'index=on', 'ro']) {
    await t.throwsAsync(mountOverlay({ ...standard(place), extraOptions: [option] }), {
      code: 'EINVAL',
      message: /use that one/,
    });
  }
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

test('the root directory is no target', async (t) => {
  using place = new Place('lower');
  await t.throwsAsync(mountOverlay({ ...standard(place), target: '/' }), {
    code: 'EINVAL',
    message: /seen by nobody/,
  });
});

test('what others did to the mount is noticed before its place is used', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/precious'), '');
  const target = place.at('lower');
  const overlay = await mountOverlay({ ...standard(place), target });
  syscalls.umountSync(target);
  const gone = { code: 'ENOENT', message: /somebody has unmounted it/ };
  await t.throwsAsync(overlay.run('rm', ['precious'], { cwd: target }), gone);
  t.throws(() => overlay.resolve('precious'), gone);
  await t.throwsAsync(overlay.refresh(), gone);
  t.true(existsSync(place.at('lower/precious')));
  await overlay.close();
});

test('renames of directories, where they are wanted', async (t) => {
  using place = new Place('lower/tree', 'target');
  const given: Partial<MountOptions> = asRoot ? { redirectDir: 'on' } : {};
  await using overlay = await mountOverlay({ ...standard(place), ...given });
  const rename = (): void => renameSync(`${overlay.path}/tree`, `${overlay.path}/moved`);
  if (asRoot) rename();
  else t.throws(rename, { code: 'EXDEV' });
  t.deepEqual(await listed(overlay.changes()), asRoot ? ['A moved', 'D tree'] : []);
});

for (const given of [{ index: true }, { nfsExport: true }] as const) {
  rootOnly(`${Object.keys(given)}: every name of a changed hard link [root only]`, async (t) => {
    using place = new Place('lower/other', 'target');
    writeFileSync(place.at('lower/one'), 'text');
    linkSync(place.at('lower/one'), place.at('lower/other/two'));
    for (const upper of [place.at('upper'), 'tmpfs'] as const) {
      await using overlay = await mountOverlay({ ...standard(place), upper, ...given });
      writeFileSync(`${overlay.path}/one`, 'changed');
      t.is(readFileSync(`${overlay.path}/other/two`, 'utf8'), 'changed');
      t.deepEqual(await listed(overlay.changes()), ['M one', 'M other/two']);
    }
  });
}

rootOnly('metacopy: the data is found where it is [root only]', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/file'), 'text');
  await using overlay = await mountOverlay({ ...standard(place), metacopy: true });
  chmodSync(`${overlay.path}/file`, 0o600);
  t.is(readFileSync(place.at('upper/file'), 'latin1'), '\0\0\0\0');
  t.is(readFileSync(`${overlay.path}/file`, 'utf8'), 'text');
  const found = [];
  for await (const change of overlay.changes()) found.push([change.path, ...change.aspects]);
  t.deepEqual(found, [['file', 'mode']]);
});
