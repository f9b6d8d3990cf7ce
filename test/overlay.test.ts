// The life of a mount: what closing unmounts, and what it leaves alone.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import {
  changes,
  listOverlaysSync,
  Overlay,
  OverlayError,
  syscalls,
  unmount,
  unmountSync,
} from 'overlayfs';
import { mountOverlay, mountOverlaySync } from './helpers/mounting.ts';
import { asRoot, Place, standard } from './helpers/place.ts';

test('a mount, its properties, and the clean unmount', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/file'), 'text');
  const overlay = await mountOverlay(standard(place));
  t.is(overlay.path, place.at('target'));
  t.deepEqual(overlay.pathBytes, Buffer.from(place.at('target')));
  t.deepEqual(overlay.lower, [place.at('lower')]);
  t.is(overlay.upper, place.at('upper'));
  t.is(overlay.work, place.at('upper.work'));
  t.is(overlay.userxattr, !asRoot);
  t.false(overlay.closed);
  t.deepEqual(place.overlays(), [place.at('target')]);
  t.is(readFileSync(place.at('target/file'), 'utf8'), 'text');
  await overlay.close();
  t.true(overlay.closed);
  t.deepEqual(place.overlays(), []);
  t.deepEqual(readdirSync(place.at('target')), []);
});

test('close is idempotent, also while it is under way', async (t) => {
  using place = new Place('lower', 'target');
  const overlay = await mountOverlay(standard(place));
  await Promise.all([overlay.close(), overlay.close()]);
  await overlay.close();
  overlay.closeSync();
  t.deepEqual(place.overlays(), []);
});

test('the blocking forms', (t) => {
  using place = new Place('lower', 'target');
  const overlay = mountOverlaySync(standard(place));
  writeFileSync(place.at('target/new'), '');
  t.deepEqual(place.overlays(), [place.at('target')]);
  overlay.closeSync();
  t.true(overlay.closed);
  t.deepEqual(place.overlays(), []);
  mountOverlaySync(standard(place));
  unmountSync(place.at('target'));
  t.deepEqual(place.overlays(), []);
});

test('using and await using', async (t) => {
  using place = new Place('lower', 'target');
  {
    await using overlay = await mountOverlay(standard(place));
    t.deepEqual(place.overlays(), [overlay.path]);
  }
  t.deepEqual(place.overlays(), []);
  {
    using overlay = mountOverlaySync(standard(place));
    t.deepEqual(place.overlays(), [overlay.path]);
  }
  t.deepEqual(place.overlays(), []);
});

test('a busy overlay stays open and can be closed later, or lazily', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/file'), 'text');
  const overlay = await mountOverlay(standard(place));
  const file = openSync(place.at('target/file'), 'r');
  const error = await t.throwsAsync(overlay.close(), { instanceOf: OverlayError, code: 'EBUSY' });
  t.is((error as OverlayError).syscall, 'umount2');
  t.false(overlay.closed);
  t.throws(() => overlay.closeSync(), { code: 'EBUSY' });
  t.deepEqual(place.overlays(), [place.at('target')]);
  closeSync(file);
  await overlay.close();
  t.deepEqual(place.overlays(), []);

  const second = await mountOverlay(standard(place));
  const again = openSync(place.at('target/file'), 'r');
  await second.close({ lazy: true });
  t.deepEqual(place.overlays(), []);
  t.is(readFileSync(again, 'utf8'), 'text');
  closeSync(again);
});

test('closing what somebody else has unmounted is no error and unmounts nothing', async (t) => {
  using place = new Place('lower', 'other', 'target');
  const overlay = await mountOverlay(standard(place));
  await unmount(place.at('target'));
  const other = await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('second'),
    target: place.at('target'),
  });
  t.not(other.mountId, overlay.mountId);
  await overlay.close();
  t.deepEqual(place.overlays(), [place.at('target')]);
  await other.close();
});

test('closing under another mount unmounts neither', async (t) => {
  using place = new Place('lower', 'target');
  const overlay = await mountOverlay(standard(place));
  place.tmpfs('target');
  const error = await t.throwsAsync(overlay.close(), { code: 'EBUSY' });
  t.regex(error?.message ?? '', /another mount lies over/);
  t.deepEqual(place.overlays(), [place.at('target')]);
});

test('a mount that was moved is found and closed', async (t) => {
  using place = new Place('lower', 'target', 'elsewhere');
  const overlay = await mountOverlay(standard(place));
  await syscalls.mount(place.at('target'), place.at('elsewhere'), null, syscalls.MS_MOVE);
  t.deepEqual(place.overlays(), [place.at('elsewhere')]);
  await overlay.close();
  t.deepEqual(place.overlays(), []);
});

test('closing twice at a time never unmounts what lies beneath', async (t) => {
  using place = new Place('lower');
  place.tmpfs('volume');
  writeFileSync(place.at('volume/file'), 'text');
  for (let i = 0; i < 200; i++) {
    const overlay = await mountOverlay({
      lower: place.at('lower'),
      // One of its own each time: whoever copies the mount namespace meanwhile (`unshare -m`) keeps the
      // one before in use for a moment.
      upper: place.at(`upper${i}`),
      target: place.at('volume'),
    });
    const closing = overlay.close();
    overlay.closeSync();
    await closing;
    t.true(existsSync(place.at('volume/file')));
  }
});

test('a lazy close has its turn when the plain one under way fails', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/file'), 'text');
  const overlay = await mountOverlay(standard(place));
  const file = openSync(place.at('target/file'), 'r');
  const [plain, lazy] = await Promise.allSettled([overlay.close(), overlay.close({ lazy: true })]);
  closeSync(file);
  t.deepEqual([plain.status, lazy.status], ['rejected', 'fulfilled']);
  t.true(overlay.closed);
  t.deepEqual(place.overlays(), []);
});

test('another overlay with the number of ours in the mount table is left alone', async (t) => {
  using place = new Place('lower', 'second', 'target', 'elsewhere');
  const overlay = await mountOverlay(standard(place));
  const numberAt = (target: string): number | undefined =>
    listOverlaysSync().find((mount) => mount.target === target)?.mountId;
  const number = numberAt(overlay.path);
  // The kernel gives the lowest free number; another test may rarely take it in between.
  syscalls.umountSync(place.at('target'));
  const lowers = `lowerdir=${place.at('lower')}:${place.at('second')}`;
  syscalls.mountSync('overlay', place.at('elsewhere'), 'overlay', 0, lowers);
  t.log(`number ${number}, then ${numberAt(place.at('elsewhere'))}`);
  await overlay.close();
  t.true(overlay.closed);
  t.deepEqual(place.overlays(), [place.at('elsewhere')]);
});

test('an overlay cannot be made by hand', (t) => {
  const Class = Overlay as unknown as new (...args: unknown[]) => Overlay;
  t.throws(() => new Class({ lower: [] }, {}), { code: 'ERR_ILLEGAL_CONSTRUCTOR' });
  t.throws(() => changes({ openedLayers: () => ({}) } as unknown as string), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
});

const rootTest = asRoot ? test : test.skip;

rootTest(
  `without /proc a mount is refused beforehand${asRoot ? '' : ' [root only]: a user namespace cannot unmount the /proc it was born with'}`,
  (t) => {
    using place = new Place('lower', 'target');
    const index = fileURLToPath(import.meta.resolve('overlayfs'));
    const code = `const { mountOverlaySync, syscalls } = await import(${JSON.stringify(index)});
    syscalls.umountSync('/proc', syscalls.MNT_DETACH);
    try { mountOverlaySync(${JSON.stringify(standard(place))}) } catch (error) { console.log(error.message) }`;
    const { stdout } = spawnSync('unshare', [
      ...['--mount', '--propagation', 'private', process.execPath],
      ...['--input-type=module', '-e', code],
    ]);
    t.regex(String(stdout), /target': without \/proc it cannot be found out/);
    t.deepEqual(readdirSync(place.base).sort(), ['lower', 'target']);
  },
);

test('unmount takes overlays only, unless told otherwise', async (t) => {
  using place = new Place('lower', 'target', 'plain');
  place.tmpfs('mounted');
  await t.throwsAsync(unmount(place.at('mounted')), {
    code: 'EINVAL',
    message: /no overlay is mounted/,
  });
  await t.throwsAsync(unmount(place.at('plain')), {
    code: 'EINVAL',
    message: /nothing is mounted/,
  });
  await t.throwsAsync(unmount(place.at('absent')), { code: 'ENOENT' });
  place.bind(place.at('lower'), place.at('bound'));
  await unmount(place.at('bound'), { any: true });
  place.released(place.at('bound'));
  await mountOverlay(standard(place));
  symlinkSync(place.at('target'), place.at('link'));
  await unmount(place.at('link'));
  t.deepEqual(place.overlays(), []);
});

test('a mount outlives the program that made it', (t) => {
  using place = new Place('lower', 'target');
  const index = fileURLToPath(import.meta.resolve('overlayfs'));
  const code = `const { mountOverlaySync } = await import(${JSON.stringify(index)});
    mountOverlaySync(${JSON.stringify(standard(place))}); process.exit(0)`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code]);
  t.is(status, 0, String(stderr));
  t.deepEqual(place.overlays(), [place.at('target')]);
});

test('garbage collection never changes the mount table', (t) => {
  using place = new Place('lower', 'target');
  const index = fileURLToPath(import.meta.resolve('overlayfs'));
  const code = `const { mountOverlaySync, listOverlaysSync } = await import(${JSON.stringify(index)});
    (() => { mountOverlaySync(${JSON.stringify(standard(place))}); })();
    for (let i = 0; i < 10; i++) { global.gc(); await new Promise((r) => setImmediate(r)); }
    console.log(listOverlaysSync().filter((m) => m.target === ${JSON.stringify(place.at('target'))}).length)`;
  const { stdout } = spawnSync(process.execPath, [
    '--expose-gc',
    '--input-type=module',
    '-e',
    code,
  ]);
  t.is(String(stdout), '1\n');
});

test('the options object is not changed and may be reused', async (t) => {
  using place = new Place('lower', 'target');
  const options = Object.freeze({ ...standard(place), lower: Object.freeze([place.at('lower')]) });
  await (await mountOverlay(options)).close();
  await (await mountOverlay(options)).close();
  t.deepEqual(options.lower, [place.at('lower')]);
});
