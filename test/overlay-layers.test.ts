// The layers of a mount: what they may be, what it takes from them, and what is read of them later.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { changes, listOverlays, scanLayer, syscalls } from 'overlayfs';
import { mountOverlay } from './helpers/mounting.ts';
import { asRoot, Place, standard, xattrs } from './helpers/place.ts';

async function listed(source: Parameters<typeof changes>[0]): Promise<string[]> {
  const list = [];
  for await (const change of changes(source)) {
    list.push(`${change.kind} ${change.path}`);
  }
  return list;
}

test('a fresh upper takes the attributes of the lower; an existing one is left as it is', async (t) => {
  using place = new Place('lower', 'target');
  chmodSync(place.at('lower'), 0o1775);
  utimesSync(place.at('lower'), 1000, 2000);
  if (asRoot) {
    chownSync(place.at('lower'), 12, 34);
  }
  await using overlay = await mountOverlay(standard(place));
  const root = statSync(place.at('target'));
  t.is(root.mode & 0o7777, 0o1775);
  t.is(root.mtimeMs, 2_000_000);
  t.deepEqual([root.uid, root.gid], asRoot ? [12, 34] : [0, 0]);
  t.deepEqual(overlay.warnings, []);
  for await (const change of overlay.changes()) {
    t.fail(`nothing changed, but ${change.kind} ${change.path} is reported`);
  }
  await overlay.close();

  mkdirSync(place.at('own'), { mode: 0o700 });
  await using second = await mountOverlay({ ...standard(place), upper: place.at('own') });
  t.is(statSync(second.path).mode & 0o7777, 0o700);
  const list = [];
  for await (const change of second.changes()) {
    list.push(`${change.kind} ${change.path} ${change.aspects}`);
  }
  t.deepEqual(list, [asRoot ? 'modified . mode,owner' : 'modified . mode']);
});

test('without an upper the overlay is read-only', async (t) => {
  using place = new Place('lower/a', 'second/b', 'target');
  await using overlay = await mountOverlay({
    lower: [place.at('lower'), place.at('second')],
    target: place.at('target'),
  });
  t.deepEqual(readdirSync(overlay.path).sort(), ['a', 'b']);
  t.throws(() => writeFileSync(place.at('target/x'), ''), { code: 'EROFS' });
  t.is(overlay.upper, undefined);
  t.throws(() => overlay.changes(), { code: 'ERR_INVALID_ARG_VALUE', message: /read-only/ });
  await t.throwsAsync(changes(overlay.path).next(), { code: 'EINVAL', message: /no upper/ });
});

test('paths may be Buffers and URLs, and relative ones are resolved at the call', async (t) => {
  using place = new Place('lower', 'target');
  const overlay = await mountOverlay({
    lower: [Buffer.from(place.at('lower'))],
    upper: new URL(`file://${place.at('upper')}`),
    target: place.at('target'),
  });
  await overlay.close();
  const here = process.cwd();
  process.chdir(place.base);
  const mounting = mountOverlay({ lower: 'lower', upper: 'upper', target: 'target' });
  process.chdir(here);
  await using second = await mounting;
  t.is(second.path, place.at('target'));
  t.deepEqual(second.lower, [place.at('lower')]);
});

test('a closed overlay has no changes to give, its layers have', async (t) => {
  using place = new Place('lower', 'target');
  const overlay = await mountOverlay(standard(place));
  writeFileSync(place.at('target/new'), '');
  const late = overlay.changes();
  const early = overlay.changes();
  const first = early.next();
  await overlay.close();
  t.is((await first).value?.path, 'new');
  await t.throwsAsync(late.next(), { code: 'EBADF', message: /was closed before/ });
  t.throws(() => overlay.changes(), { code: 'ERR_INVALID_STATE' });
  const list = [];
  for await (const change of changes({
    upper: place.at('upper'),
    lower: place.at('lower'),
    xattrs,
  })) {
    list.push(change.path);
  }
  t.deepEqual(list, ['new']);
});

test('listOverlays tells what was mounted', async (t) => {
  using place = new Place('lo:w,er \\1', 'second', 'tar get');
  await using overlay = await mountOverlay({
    lower: [place.at('lo:w,er \\1'), place.at('second')],
    upper: place.at('up,per'),
    target: place.at('tar get'),
  });
  const found = (await listOverlays()).find((mount) => mount.target === overlay.path);
  t.like(found, {
    source: 'overlay',
    lower: [place.at('lo:w,er \\1'), place.at('second')],
    upper: place.at('up,per'),
    work: place.at('up,per.work'),
    readOnly: false,
    userxattr: !asRoot,
  });
});

test('mounting in place over a lower that is itself a mount, and reading it from outside', async (t) => {
  using place = new Place('volume');
  writeFileSync(place.at('volume/file'), 'text');
  writeFileSync(place.at('volume/gone'), 'text');
  place.bind(place.at('volume'), place.at('store'));
  await using overlay = await mountOverlay({
    lower: place.at('store'),
    upper: place.at('upper'),
    target: place.at('store'),
  });
  writeFileSync(place.at('store/file'), 'changed');
  spawnSync('rm', [place.at('store/gone')]);
  for (const source of [overlay, place.at('store')] as const) {
    const list = [];
    for await (const change of changes(source)) {
      list.push(`${change.kind} ${change.path}`);
    }
    t.deepEqual(list, ['modified file', 'deleted gone']);
  }
  t.deepEqual(place.overlays(), [place.at('store')]);
  t.true(existsSync(place.at('store/file')));
});

test('layers that the overlay covers are found from its mount point', async (t) => {
  using place = new Place('merged/s/u', 'lower/s/u');
  writeFileSync(place.at('lower/keep'), '');
  writeFileSync(place.at('lower/s/u/mine'), '');
  // The upper's path leads into the overlay, where the lower has a directory of that name.
  await using overlay = await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('merged/s/u'),
    target: place.at('merged'),
  });
  spawnSync('rm', [place.at('merged/keep')]);
  writeFileSync(place.at('merged/new'), '');
  t.deepEqual(await listed(overlay), ['deleted keep', 'added new']);
  t.deepEqual(await listed(overlay.path), ['deleted keep', 'added new']);
});

test('an upper inside its own lower, in place', async (t) => {
  using place = new Place('store/.s');
  await using overlay = await mountOverlay({
    lower: place.at('store'),
    upper: place.at('store/.s/u'),
    target: place.at('store'),
  });
  writeFileSync(place.at('store/new'), '');
  t.deepEqual(await listed(overlay), await listed(overlay.path));
  t.true((await listed(overlay.path)).includes('added new'));
});

test('a layer that was covered later is an error and no answer', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/hello'), 'text');
  await using overlay = await mountOverlay(standard(place));
  writeFileSync(place.at('target/hello'), 'changed');
  await using second = await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('second'),
    target: place.at('lower'),
  });
  spawnSync('rm', [place.at('lower/hello')]);
  t.deepEqual(await listed(overlay), ['modified hello']);
  await t.throwsAsync(listed(overlay.path), {
    code: 'ENOTSUP',
    message: /was laid over the layer/,
  });
  t.deepEqual(await listed(second.path), ['deleted hello']);
});

test('a working directory whose name is not UTF-8', (t) => {
  using place = new Place('lower', 'target');
  const directory = Buffer.concat([Buffer.from(`${place.base}/`), Buffer.of(0xff)]);
  mkdirSync(directory);
  mkdirSync(Buffer.concat([directory, Buffer.from('/upper')]));
  const here = process.cwd();
  // process.chdir takes text only.
  const index = fileURLToPath(import.meta.resolve('overlayfs'));
  const code = `const { changes } = await import(${JSON.stringify(index)});
    for await (const c of changes({ upper: 'upper', lower: '../lower', xattrs: ${JSON.stringify(xattrs)} })) console.log(c.path);
    console.log('read')`;
  const { stdout, stderr } = spawnSync('sh', [
    '-c',
    'cd "$1"/?; exec "$2" --input-type=module -e "$3"',
    'sh',
    place.base,
    process.execPath,
    code,
  ]);
  t.is(String(stdout), 'read\n', String(stderr));
  t.is(process.cwd(), here);
});

test('a mount below a lower is not part of the layer', async (t) => {
  using place = new Place('lower/sub', 'target');
  writeFileSync(place.at('lower/sub/below'), 'text');
  place.tmpfs('lower/sub');
  writeFileSync(place.at('lower/sub/above'), 'text');
  await using overlay = await mountOverlay(standard(place));
  t.deepEqual(readdirSync(place.at('target/sub')), ['below']);
  chmodSync(place.at('target/sub/below'), 0o600);
  const list = [];
  for await (const change of overlay.changes()) {
    list.push(`${change.kind} ${change.path} ${change.aspects}`);
  }
  t.deepEqual(list, ['modified sub/below mode']);
});

test('a lower on a mount of its own can be unmounted while the overlay lives', async (t) => {
  using place = new Place('target');
  place.tmpfs('lower');
  writeFileSync(place.at('lower/file'), 'text');
  await using overlay = await mountOverlay(standard(place));
  syscalls.umountSync(place.at('lower'));
  place.released(place.at('lower'));
  writeFileSync(place.at('target/file'), 'other');
  const list = [];
  for await (const { kind, path } of overlay.changes()) {
    list.push(`${kind} ${path}`);
  }
  t.deepEqual(list, ['modified file']);
});

test('scanLayer gives the raw facts', async (t) => {
  using place = new Place('lower/dir', 'target');
  writeFileSync(place.at('lower/gone'), '');
  writeFileSync(place.at('lower/file'), 'text');
  await using overlay = await mountOverlay(standard(place));
  spawnSync('rm', [place.at('target/gone')]);
  spawnSync('rmdir', [place.at('target/dir')]);
  mkdirSync(place.at('target/dir'));
  chmodSync(place.at('target/file'), 0o640);
  symlinkSync('nowhere', place.at('target/link'));
  const facts = [];
  for await (const entry of scanLayer(place.at('upper'), { xattrs, encoding: 'buffer' })) {
    t.deepEqual(entry.pathBytes, Buffer.from(entry.path));
    facts.push([entry.path, entry.type, entry.whiteout, entry.opaque, entry.origin, entry.target]);
  }
  t.deepEqual(facts, [
    ['.', 'directory', undefined, undefined, undefined, undefined],
    ['dir', 'directory', undefined, 'y', undefined, undefined],
    ['file', 'file', undefined, undefined, true, undefined],
    ['gone', 'character-device', 'device', undefined, undefined, undefined],
    ['link', 'symlink', undefined, undefined, undefined, 'nowhere'],
  ]);
  t.is(statSync(place.at('upper/file')).mode & 0o777, 0o640);
  await overlay.close();
});
