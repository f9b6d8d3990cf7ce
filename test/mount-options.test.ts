// What can be asked of a mount, and that the kernel has it afterwards: by both of its interfaces.
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import type { MountOptions } from 'overlayfs';
import { syscalls } from 'overlayfs';
import { listed } from './helpers/listed.ts';
import { tableLine } from './helpers/mountinfo.ts';
import { byMount, mountOverlay } from './helpers/mounting.ts';
import { asRoot, Place, standard } from './helpers/place.ts';

const rootOnly = asRoot ? test : test.skip;

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

test('an option that has a name here cannot come in raw', async (t) => {
  using place = new Place('lower', 'target');
  for (const option of ['userxattr', 'volatile', 'fsync=volatile', 'index=on', 'ro']) {
    await t.throwsAsync(mountOverlay({ ...standard(place), extraOptions: [option] }), {
      code: 'EINVAL',
      message: /use that one/,
    });
  }
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
