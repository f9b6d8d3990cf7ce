// What a refresh makes an overlay see of changes in its lower, what it leaves alone, and what stays.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  opendirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import {
  listOverlaysSync,
  mountOverlay,
  refreshOverlay,
  refreshOverlaySync,
  syscalls,
} from 'overlayfs';
import { overlayfs } from './helpers/command.ts';
import { holdCwd } from './helpers/holding.ts';
import { asRoot, Place } from './helpers/place.ts';

const rootTest = asRoot ? test : test.skip;

/** With a lower of some files, and an upper unless it is to be read-only. */
async function mounted(upper = true): Promise<Place> {
  const place = new Place('lower/dir/sub', 'lower/moved', 'lower2', 'target');
  for (const name of ['gone', 'replaced', 'rewritten', 'dir/file', 'moved/file']) {
    writeFileSync(place.at(`lower/${name}`), 'old');
  }
  await mountOverlay({
    lower: [place.at('lower'), place.at('lower2')],
    ...(upper ? { upper: place.at('upper') } : {}),
    target: place.at('target'),
  });
  return place;
}

function replace(place: Place, name: string): void {
  writeFileSync(place.at('lower2/new'), 'new');
  renameSync(place.at('lower2/new'), place.at(`lower/${name}`));
}

function content(place: Place, name: string): string | undefined {
  const path = place.at(`target/${name}`);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

const names = ['gone', 'replaced', 'rewritten', 'added', 'dir/added', 'moved/file'];

/** Everything that can be cached, cached and then changed below. */
function changeBelow(t: ExecutionContext, place: Place): void {
  const before = ['old', 'old', 'old', undefined, undefined, 'old'];
  const seen = (): (string | undefined)[] => names.map((name) => content(place, name));
  t.deepEqual(seen(), before);
  rmSync(place.at('lower/gone'));
  replace(place, 'replaced');
  writeFileSync(place.at('lower/rewritten'), 'new');
  writeFileSync(place.at('lower/added'), 'new');
  writeFileSync(place.at('lower/dir/added'), 'new');
  renameSync(place.at('lower/moved'), place.at('lower2/elsewhere'));
  mkdirSync(place.at('lower/moved'));
  writeFileSync(place.at('lower/moved/file'), 'new');
  // Without a refresh: content that was written in place is the only thing that is seen.
  t.deepEqual(seen(), ['old', 'old', 'new', undefined, undefined, 'old']);
  t.true(readdirSync(place.at('target')).includes('added'), 'listed, and yet not there');
}

const after = [undefined, 'new', 'new', 'new', 'new', 'new'];

function tableLine(place: Place): string | undefined {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.find((line) => line.includes(` ${place.at('target')} `));
}

const flagSets: readonly (readonly [name: string, flags: number, shown: string])[] = [
  ['no flags', 0, 'rw,relatime'],
  [
    'nosuid, nodev, noexec, noatime',
    syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC | syscalls.MS_NOATIME,
    'rw,nosuid,nodev,noexec,noatime',
  ],
  ['a read-only mount of a writable overlay', syscalls.MS_RDONLY, 'ro,relatime'],
];

for (const [name, flags, shown] of flagSets) {
  for (const upper of [true, false]) {
    test(`all of it is seen, and the mount stays as it is: ${name}${upper ? '' : ', without an upper'}`, async (t) => {
      using place = await mounted(upper);
      const target = place.at('target');
      syscalls.mountSync(null, target, null, syscalls.MS_BIND | syscalls.MS_REMOUNT | flags);
      const line = tableLine(place);
      t.true(line?.includes(` ${shown} - overlay overlay ${upper ? 'rw' : 'ro'},`), line);
      changeBelow(t, place);
      await refreshOverlay(target);
      t.deepEqual(
        names.map((each) => content(place, each)),
        after,
      );
      t.is(tableLine(place), line);
      refreshOverlaySync(target);
      t.is(tableLine(place), line);
    });
  }
}

test('an overlay that was made read-only stays so', async (t) => {
  using place = await mounted();
  syscalls.mountSync(null, place.at('target'), null, syscalls.MS_REMOUNT | syscalls.MS_RDONLY);
  const line = tableLine(place);
  t.true(line?.includes(' - overlay overlay ro,'), line);
  changeBelow(t, place);
  await refreshOverlay(place.at('target'));
  t.is(content(place, 'added'), 'new');
  t.is(tableLine(place), line);
});

test('writers do not matter, and what they write stays', async (t) => {
  using place = await mounted();
  const file = openSync(place.at('target/written'), 'w');
  writeSync(file, 'first ');
  changeBelow(t, place);
  await refreshOverlay(place.at('target'));
  t.is(content(place, 'added'), 'new');
  writeSync(file, 'second');
  closeSync(file);
  await refreshOverlay(place.at('target'));
  t.is(content(place, 'written'), 'first second');
  t.is(readFileSync(place.at('upper/written'), 'utf8'), 'first second');
});

test('what is open stays as it was found, until it is closed and refreshed again', async (t) => {
  using place = await mounted();
  const files = ['gone', 'replaced'].map((name) => openSync(place.at(`target/${name}`), 'r'));
  changeBelow(t, place);
  await refreshOverlay(place.at('target'));
  t.is(content(place, 'gone'), 'old');
  t.is(content(place, 'replaced'), 'old');
  t.is(content(place, 'added'), 'new');
  for (const file of files) closeSync(file);
  t.is(content(place, 'replaced'), 'old');
  await refreshOverlay(place.at('target'));
  t.is(content(place, 'gone'), undefined);
  t.is(content(place, 'replaced'), 'new');
});

test('names in a working directory are seen, another directory in its place is not', async (t) => {
  using place = await mounted();
  using inDirectory = await holdCwd(place.at('target/dir'));
  using inMoved = await holdCwd(place.at('target/moved'));
  changeBelow(t, place);
  await refreshOverlay(place.at('target'));
  t.is(content(place, 'dir/added'), 'new');
  t.is(content(place, 'moved/file'), 'old');
  await Promise.all([inDirectory.end(), inMoved.end()]);
  await refreshOverlay(place.at('target'));
  t.is(content(place, 'moved/file'), 'new');
});

test('the listing of a merged directory is the old one while anybody has it open', async (t) => {
  using place = await mounted();
  // Written through the mount, so that the directory is merged of two.
  writeFileSync(place.at('target/dir/own'), '');
  const listed = ['file', 'own', 'sub'];
  const open = opendirSync(place.at('target/dir'), { bufferSize: 1 });
  open.readSync();
  writeFileSync(place.at('lower/dir/added'), 'new');
  await refreshOverlay(place.at('target'));
  t.deepEqual(readdirSync(place.at('target/dir')).sort(), listed);
  t.is(content(place, 'dir/added'), 'new', 'not listed, and yet there');
  open.closeSync();
  t.deepEqual(readdirSync(place.at('target/dir')).sort(), ['added', ...listed]);
});

test('the command', async (t) => {
  using place = await mounted();
  changeBelow(t, place);
  const { status, stdout, stderr } = await overlayfs(['refresh', place.at('target')]);
  t.is(stderr, '');
  t.is(stdout.toString(), '');
  t.is(status, 0);
  t.is(content(place, 'added'), 'new');
});

test('what is no overlay, or no mount point, is not touched', async (t) => {
  using place = await mounted();
  const other = place.tmpfs('other');
  for (const refresh of [refreshOverlay, refreshOverlaySync]) {
    const failing = async (target: string): Promise<void> => await refresh(target);
    await t.throwsAsync(failing(other), {
      code: 'EINVAL',
      message: /no overlay is mounted there$/,
    });
    await t.throwsAsync(failing(place.at('target/dir')), {
      code: 'EINVAL',
      message: /name its mount point$/,
    });
    await t.throwsAsync(failing(place.at('absent')), { code: 'ENOENT' });
  }
  t.is(listOverlaysSync().filter(({ target }) => target === place.at('target')).length, 1);
});

for (const [who, words] of [
  ['an ordinary user', []],
  ['root of another user namespace', ['unshare', '--user', '--map-root-user', '--mount']],
] as const) {
  rootTest(`${who} may not [root only]`, async (t) => {
    using place = await mounted();
    chmodSync(place.base, 0o711);
    const index = fileURLToPath(import.meta.resolve('overlayfs'));
    const code = `
      const { refreshOverlaySync } = await import(${JSON.stringify(index)});
      try { refreshOverlaySync(${JSON.stringify(place.at('target'))}); }
      catch ({ code, message }) { console.log(code, message); }`;
    const { stdout } = spawnSync('setpriv', [
      ...['--reuid=1000', '--regid=1000', '--clear-groups', ...words],
      ...[process.execPath, '--input-type=module', '-e', code],
    ]);
    t.regex(
      String(stdout),
      /^EPERM EPERM: .*target': making an overlay forget .* needs CAP_SYS_ADMIN/,
    );
  });
}
