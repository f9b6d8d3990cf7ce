// Overlays without a mount point: what can be done with them, and that they leave nothing.
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import { listOverlays, mountOverlay, mountOverlaySync, Overlay, OverlayError } from 'overlayfs';
import { listed } from './helpers/listed.ts';
import { closeAtLast } from './helpers/mounting.ts';
import { asRoot, Place } from './helpers/place.ts';

const overlayMagic = 0x794c7630;

const detached = (place: Place): { lower: string; upper: string } => ({
  lower: place.at('lower'),
  upper: place.at('upper'),
});

test('an overlay without a target is in no table, and all file operations work in it', async (t) => {
  using place = new Place('lower/tree');
  writeFileSync(place.at('lower/file'), 'text');
  writeFileSync(place.at('lower/gone'), 'text');
  writeFileSync(place.at('lower/tree/leaf'), 'text');
  const overlay = await mountOverlay(detached(place));
  t.is(overlay.path, undefined);
  t.is(overlay.pathBytes, undefined);
  t.is(overlay.interface, 'fsopen');
  t.false(overlay.rootless);
  t.deepEqual(place.overlays(), []);
  t.false((await listOverlays()).some(({ upper }) => upper === place.at('upper')));
  t.is(statfsSync(overlay.resolve()).type, overlayMagic);
  t.is(readFileSync(overlay.resolve('tree/leaf'), 'utf8'), 'text');
  writeFileSync(overlay.resolve('new'), 'new');
  renameSync(overlay.resolve('file'), overlay.resolve('moved'));
  rmSync(overlay.resolve('gone'));
  rmSync(overlay.resolve('tree'), { recursive: true });
  t.deepEqual(await listed(overlay.changes()), ['D file', 'D gone', 'A moved', 'A new', 'D tree']);
  t.true(lstatSync(place.at('upper/gone')).isCharacterDevice());
  t.is(readFileSync(place.at('lower/gone'), 'utf8'), 'text');
  await overlay.close();
  await overlay.close();
  t.true(overlay.closed);
  t.throws(() => overlay.resolve('new'), { code: 'ERR_INVALID_STATE' });
  t.throws(() => overlay.changes(), { code: 'ERR_INVALID_STATE' });
});

test('names that are not UTF-8 have a path too', async (t) => {
  using place = new Place('lower');
  await using overlay = await mountOverlay(detached(place));
  const name = Buffer.from([0xff, 0x0a, 0x5c]);
  writeFileSync(overlay.resolve(name), 'text');
  t.deepEqual(readdirSync(overlay.resolve(), { encoding: 'buffer' }), [name]);
  t.deepEqual(readdirSync(place.at('upper'), { encoding: 'buffer' }), [name]);
});

test('files that are open outlive the overlay', async (t) => {
  using place = new Place('lower');
  writeFileSync(place.at('lower/file'), 'text');
  const overlay = await mountOverlay(detached(place));
  const fd = openSync(overlay.resolve('file'), 'r+');
  await overlay.close();
  writeFileSync(fd, 'more');
  closeSync(fd);
  t.is(readFileSync(place.at('upper/file'), 'utf8'), 'more');
});

test('an upper that goes with the overlay stays while somebody uses it', async (t) => {
  using place = new Place('lower');
  const kinds = [
    { upper: { type: 'directory', parent: place.at('lower/..') } },
    { upper: place.at('upper'), volatile: true },
  ] as const;
  for (const kind of kinds) {
    const overlay = await mountOverlay({ lower: place.at('lower'), ...kind });
    const upper = overlay.upper ?? '';
    const fd = openSync(overlay.resolve('file'), 'w');
    await t.throwsAsync(overlay.close(), { code: 'EBUSY', message: /still uses its upper/ });
    t.throws(() => overlay.resolve(), { code: 'ERR_INVALID_STATE' });
    writeFileSync(fd, 'text');
    t.is(readFileSync(`${upper}/file`, 'utf8'), 'text');
    closeSync(fd);
    await overlay.close();
    t.is(existsSync(upper), kind.upper === place.at('upper'));
  }
  await using durable = await mountOverlay(detached(place));
  t.true(durable.writable);
});

test('a program works in the overlay, not beside it', async (t) => {
  using place = new Place('lower/tree');
  await using overlay = await mountOverlay(detached(place));
  const { stdout } = await overlay.run('pwd');
  t.is(stdout.toString(), `${place.at('lower')}\n`);
});

test('attaching makes it a mount like any other', async (t) => {
  using place = new Place('lower', 'target', 'other');
  writeFileSync(place.at('lower/file'), 'text');
  const overlay = await mountOverlay(detached(place));
  const { mountId } = overlay;
  await overlay.attach(place.at('target'));
  t.is(overlay.path, place.at('target'));
  t.is(overlay.resolve('file'), place.at('target/file'));
  t.deepEqual(place.overlays(), [place.at('target')]);
  const error = await t.throwsAsync(overlay.attach(place.at('other')), { code: 'EINVAL' });
  t.regex(error?.message ?? '', /attached already, on .*target/);
  writeFileSync(place.at('target/new'), '');
  t.deepEqual(await listed(overlay.changes()), ['A new']);
  t.is(overlay.mountId, mountId);
  await overlay.close();
  t.deepEqual(place.overlays(), []);
  t.deepEqual(readdirSync(place.at('target')), []);
});

test('a place that is none, and a mount point that is missing', async (t) => {
  using place = new Place('lower');
  writeFileSync(place.at('file'), '');
  await using overlay = await mountOverlay(detached(place));
  const missing = await t.throwsAsync(overlay.attach(place.at('absent')), { code: 'ENOENT' });
  t.regex(missing?.message ?? '', /create the directory first/);
  await t.throwsAsync(overlay.attach(place.at('file')), { code: 'ENOTDIR' });
  t.throws(() => overlay.attachSync(place.at('lower'), { beneath: true }), {
    code: 'EINVAL',
    message: /without `beneath`/,
  });
  t.is(overlay.path, undefined);
  t.is(readFileSync(place.at('file'), 'utf8'), '');
});

test('beneath: one version gives way to the next at once, and open files keep theirs', async (t) => {
  using place = new Place('one', 'two', 'target');
  writeFileSync(place.at('one/version'), '1');
  writeFileSync(place.at('two/version'), '2');
  const target = place.at('target');
  const version = (): string => readFileSync(`${target}/version`, 'utf8');
  const first = await mountOverlay({ lower: place.at('one'), upper: 'tmpfs', target });
  const fd = openSync(`${target}/version`, 'r');
  const second = await mountOverlay({
    lower: place.at('two'),
    upper: 'tmpfs',
    target,
    beneath: true,
  });
  t.is(version(), '1');
  await t.throwsAsync(second.close(), { code: 'EBUSY', message: /another mount lies over/ });
  await first.close({ lazy: true });
  t.is(version(), '2');
  t.is(readFileSync(fd, 'utf8'), '1');
  closeSync(fd);
  await second.close();
  t.deepEqual(readdirSync(target), []);
});

test('mount(2) has no detached form, and says so', async (t) => {
  using place = new Place('lower', 'target');
  const options = { ...detached(place), interface: 'mount' } as const;
  await t.throwsAsync(mountOverlay(options), { code: 'ENOSYS', message: /name a `target`/ });
  t.throws(() => mountOverlaySync({ ...options, target: place.at('target'), beneath: true }), {
    code: 'ENOSYS',
    message: /leave `beneath` out/,
  });
  t.false(existsSync(place.at('upper')));
});

test('an overlay is a lower of another one', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/file'), 'lower');
  await using base = await mountOverlay({ lower: place.at('lower'), upper: 'tmpfs' });
  writeFileSync(base.resolve('middle'), 'middle');
  await using top = await mountOverlay({ lower: base, upper: 'tmpfs' });
  writeFileSync(top.resolve('file'), 'top');
  rmSync(top.resolve('middle'));
  t.deepEqual(await listed(top.changes()), ['M file', 'D middle']);
  t.deepEqual(await listed(base.changes()), ['A middle']);
  t.is(readFileSync(base.resolve('middle'), 'utf8'), 'middle');
  t.true(base instanceof Overlay);
});

// The depth of those in the table of mounts is known; of a detached one only the kernel knows it.
test('a third overlay upon two detached ones is refused with what may be the cause', async (t) => {
  using place = new Place('lower', 'second', 'third');
  await using first = await mountOverlay({ lower: [place.at('lower'), place.at('second')] });
  await using second = await mountOverlay({ lower: [first, place.at('third')] });
  const error = await t.throwsAsync(mountOverlay({ lower: second, upper: place.at('upper') }), {
    instanceOf: OverlayError,
    code: 'EINVAL',
  });
  t.regex(error?.hint ?? '', /is an overlay: if that has an overlay below it in turn/);
});

test('a busy overlay whose upper goes with it is not said to be detached lazily', async (t) => {
  using place = new Place('lower', 'target');
  const overlay = await mountOverlay({
    lower: place.at('lower'),
    upper: { type: 'directory', parent: place.at('.') },
    target: place.at('target'),
  });
  const file = openSync(place.at('target'), 'r');
  const error = t.throws(() => overlay.closeSync(), { instanceOf: OverlayError, code: 'EBUSY' });
  t.regex(error?.hint ?? '', /end what holds it, and try again$/);
  closeSync(file);
  await closeAtLast(overlay);
});

test('layers that are open: a directory, and none', async (t) => {
  using place = new Place('lower', 'other');
  writeFileSync(place.at('lower/file'), 'text');
  writeFileSync(place.at('plain'), 'text');
  const fd = openSync(place.at('lower'), 'r');
  renameSync(place.at('lower'), place.at('renamed'));
  mkdirSync(place.at('lower'));
  const overlay = await mountOverlay({ lower: [{ fd }, place.at('other')], upper: 'tmpfs' });
  closeSync(fd);
  t.is(readFileSync(overlay.resolve('file'), 'utf8'), 'text');
  t.deepEqual(overlay.lower, [`descriptor ${fd}`, place.at('other')]);
  await overlay.close();
  const file = openSync(place.at('plain'), 'r');
  await t.throwsAsync(mountOverlay({ lower: { fd: file }, upper: 'tmpfs' }), { code: 'ENOTDIR' });
  closeSync(file);
  await t.throwsAsync(mountOverlay({ lower: { fd: 99_999 }, upper: 'tmpfs' }), {
    code: 'EBADF',
    message: /no open descriptor/,
  });
});

test('two hundred at once', async (t) => {
  using place = new Place('lower');
  writeFileSync(place.at('lower/file'), 'text');
  const all = await Promise.all(
    Array.from({ length: 200 }, () => mountOverlay({ lower: place.at('lower'), upper: 'tmpfs' })),
  );
  for (const [i, overlay] of all.entries()) writeFileSync(overlay.resolve('file'), `${i}`);
  for (const [i, overlay] of all.entries()) {
    t.is(readFileSync(overlay.resolve('file'), 'utf8'), `${i}`);
  }
  await Promise.all(all.map((overlay) => overlay.close()));
  t.is(readFileSync(place.at('lower/file'), 'utf8'), 'text');
});

(asRoot ? test : test.skip)('idmapped layers have other owners [root only]', async (t) => {
  using place = new Place('lower');
  writeFileSync(place.at('lower/file'), 'text');
  const ids = [{ from: 0, to: 5000, count: 10 }];
  const lower = { path: place.at('lower'), idmap: { uids: ids, gids: ids } };
  await using overlay = await mountOverlay({ lower, upper: 'tmpfs' });
  t.is(lstatSync(overlay.resolve('file')).uid, 5000);
  t.deepEqual(await listed(overlay.changes()), []);
  writeFileSync(overlay.resolve('file'), 'changed');
  t.is(lstatSync(overlay.resolve('file')).uid, 5000);
  t.deepEqual(await listed(overlay.changes()), ['M file']);
  t.is(lstatSync(place.at('lower/file')).uid, 0);
  const overlapping = [...ids, ...ids];
  await t.throwsAsync(
    mountOverlay({
      lower: { ...lower, idmap: { uids: overlapping, gids: ids } },
      upper: 'tmpfs',
    }),
    { code: 'EINVAL', message: /must not overlap/ },
  );
});
