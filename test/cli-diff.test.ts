// What `overlayfs diff` and `overlayfs scan` print, in each of their forms.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Result } from './helpers/command.ts';
import { objects, overlayfs } from './helpers/command.ts';
import { mountAt, printed } from './helpers/mount-command.ts';
import { asRoot, Place, xattrs } from './helpers/place.ts';

/** Says how the marks are kept, where the command cannot know. */
const marks = asRoot ? [] : ['--userxattr'];

/** A mounted overlay with one change of every kind. */
async function changedPlace(t: ExecutionContext): Promise<Place> {
  const place = new Place('lower/gone/deep', 'lower/again', 'lower/d', 'target');
  writeFileSync(place.at('lower/hello'), 'hello\n');
  writeFileSync(place.at('lower/gone/x'), '');
  writeFileSync(place.at('lower/same'), '');
  symlinkSync('old', place.at('lower/link'));
  printed(t, await mountAt(place));
  appendFileSync(place.at('target/hello'), 'more\n');
  rmSync(place.at('target/gone'), { recursive: true });
  rmSync(place.at('target/d'), { recursive: true });
  writeFileSync(place.at('target/d'), 'now a file');
  rmSync(place.at('target/link'));
  symlinkSync('new', place.at('target/link'));
  mkdirSync(place.at('target/new'));
  writeFileSync(place.at('target/new/f'), '');
  chmodSync(place.at('target/same'), 0o600);
  return place;
}

const changed = `M  d  [directory -> file]
D  gone  [directory]
M  hello  [content, times]
M  link  [symlink: times, target]
A  new  [directory]
A  new/f
M  same  [mode]
`;

test('diff for people', async (t) => {
  using place = await changedPlace(t);
  t.is(printed(t, await overlayfs(['diff', place.at('target')])), changed);
  const expanded = printed(t, await overlayfs(['diff', '--expand', place.at('target')]));
  t.is(
    expanded,
    changed.replace('D  gone  [directory]\n', '$&D  gone/deep  [directory]\nD  gone/x\n'),
  );
  const ignoring = ['diff', '--ignore', 'times,target', '--ignore=mode', place.at('target')];
  t.is(
    printed(t, await overlayfs(ignoring)),
    changed
      .replace('content, times', 'content')
      .replace('M  link  [symlink: times, target]\n', '')
      .replace('M  same  [mode]\n', ''),
  );
});

test('diff of layers says the same, mounted or not', async (t) => {
  using place = await changedPlace(t);
  const layers = ['--upper', place.at('upper'), '--lower', place.at('lower'), ...marks];
  t.is(printed(t, await overlayfs(['diff', ...layers])), changed);
  printed(t, await overlayfs(['umount', place.at('target')]));
  t.is(printed(t, await overlayfs(['diff', ...layers])), changed);
});

test('diff with two lowers, the first on top', async (t) => {
  using place = new Place('top', 'bottom', 'upper');
  writeFileSync(place.at('top/a'), 'top');
  writeFileSync(place.at('bottom/a'), 'bottom');
  writeFileSync(place.at('upper/a'), 'bottom');
  const ask = (...lowers: string[]): Promise<Result> =>
    overlayfs([
      'diff',
      '--ignore=times',
      ...marks,
      '--upper',
      place.at('upper'),
      ...lowers.flatMap((name) => ['--lower', place.at(name)]),
    ]);
  t.is(printed(t, await ask('top', 'bottom')), 'M  a  [content]\n');
  t.is(printed(t, await ask('bottom', 'top')), '');
});

test('diff --content', async (t) => {
  using place = new Place('lower', 'upper');
  writeFileSync(place.at('lower/a'), 'one');
  writeFileSync(place.at('upper/a'), 'two');
  utimesSync(place.at('upper/a'), 1, 1);
  const layers = ['--upper', place.at('upper'), '--lower', place.at('lower'), ...marks];
  const never = ['diff', '--content', 'never', ...layers];
  t.is(printed(t, await overlayfs(never)), 'M  a  [times, content unknown]\n');
  const [object] = objects((await overlayfs([...never, '--json'])).stdout);
  t.is(object?.content, 'unknown');
  for (const mode of ['auto', 'always']) {
    const text = printed(t, await overlayfs(['diff', `--content=${mode}`, ...layers]));
    t.is(text, 'M  a  [content, times]\n', mode);
  }
});

test('diff for programs', async (t) => {
  using place = await changedPlace(t);
  const ask = async (...options: string[]): Promise<string> =>
    printed(t, await overlayfs(['diff', ...options, place.at('target')]));
  const letters = changed.split('\n').slice(0, -1);
  const pairs = letters.map((line) => line.split('  ').slice(0, 2));
  t.is(await ask('--name-status'), pairs.map((pair) => `${pair.join('\t')}\n`).join(''));
  t.is(await ask('-0'), pairs.map(([, path]) => `${path}\0`).join(''));
  t.is(await ask('--null', '--name-status'), pairs.map((pair) => `${pair.join('\0')}\0`).join(''));
  const json = objects(Buffer.from(await ask('--json')));
  t.deepEqual(
    json.map(({ kind, path }) => [String(kind).charAt(0).toUpperCase(), path]),
    pairs,
  );
  t.deepEqual(json[0], {
    kind: 'modified',
    path: 'd',
    type: 'file',
    previousType: 'directory',
    aspects: ['type'],
  });
  t.deepEqual(json[1], { kind: 'deleted', path: 'gone', type: 'directory', aspects: [] });
});

test('diff --exit-code', async (t) => {
  using place = await changedPlace(t);
  const { status, stdout, stderr } = await overlayfs(['diff', '--exit-code', place.at('target')]);
  t.deepEqual([status, stdout.toString(), stderr], [3, changed, '']);
  const same = ['--upper', place.at('lower'), '--lower', place.at('lower'), ...marks];
  t.is(printed(t, await overlayfs(['diff', '--exit-code', ...same])), '');
});

test('diff in place, where the overlay covers its own lower', async (t) => {
  using place = new Place('lower');
  writeFileSync(place.at('lower/a'), 'one');
  const layers = ['--lower', place.at('lower'), '--upper', place.at('upper')];
  printed(t, await overlayfs(['mount', ...layers, place.at('lower')]));
  writeFileSync(place.at('lower/a'), 'changed');
  writeFileSync(place.at('lower/b'), '');
  const text = printed(t, await overlayfs(['diff', place.at('lower')]));
  t.is(text, 'M  a  [content, times]\nA  b\n');
});

test('diff in the current directory', async (t) => {
  using place = await changedPlace(t);
  mkdirSync(place.at('target/new/sub'));
  const expected = changed.replace('A  new/f\n', '$&A  new/sub  [directory]\n');
  for (const cwd of [place.at('target'), place.at('target/new/sub')]) {
    t.is(printed(t, await overlayfs(['diff'], { cwd })), expected, cwd);
  }
  // Its name begins like the mount point's, and yet it lies elsewhere.
  mkdirSync(place.at('target-not'));
  const outside = await overlayfs(['diff'], { cwd: place.at('target-not') });
  t.is(outside.status, 2);
  t.regex(outside.stderr, /^overlayfs: no overlay .*; give a TARGET, or --upper and --lower\nTry /);

  mkdirSync(place.at('target/mnt'));
  const inner = ['--lower', place.at('lower'), '--upper', place.at('upper2')];
  printed(t, await overlayfs(['mount', ...inner, place.at('target/mnt')]));
  const several = await overlayfs(['diff'], { cwd: place.at('target/mnt') });
  t.is(several.status, 2);
  t.regex(several.stderr, /^overlayfs: several overlays .*target, .*target\/mnt\); give one/);
  printed(t, await overlayfs(['umount', place.at('target/mnt')]));
});

test('scan', async (t) => {
  using place = await changedPlace(t);
  symlinkSync('to', place.at('target/new/link'));
  rmSync(place.at('target/again'), { recursive: true });
  mkdirSync(place.at('target/again'));
  const ask = async (...options: string[]): Promise<string> =>
    printed(t, await overlayfs(['scan', ...marks, ...options, place.at('upper')]));
  const owner = `${statSync(place.base).uid}:${statSync(place.base).gid}`;
  const lines = (await ask()).split('\n');
  t.regex(lines[0] ?? '', new RegExp(`^d0755  ${owner}  \\d+  \\.$`));
  t.true(lines.includes(`c0000  ${owner}  0,0  gone  [whiteout device]`));
  t.true(lines.includes(`-0644  ${owner}  11  hello  [origin]`));
  const size = statSync(place.at('upper/again')).size;
  t.true(lines.includes(`d0755  ${owner}  ${size}  again  [opaque y]`));
  t.true(lines.includes(`l0777  ${owner}  2  new/link -> to`));

  const json = objects(Buffer.from(await ask('--json')));
  const hello = json.find(({ path }) => path === 'hello');
  const { ino, dev, mtimeNs } = statSync(place.at('upper/hello'), { bigint: true });
  t.deepEqual(
    [hello?.ino, hello?.dev, hello?.mtimeNs, hello?.size, hello?.origin],
    [`${ino}`, `${dev}`, `${mtimeNs}`, 11, true],
  );
  const gone = json.find(({ path }) => path === 'gone');
  t.deepEqual([gone?.whiteout, gone?.device], ['device', { major: 0, minor: 0 }]);
  const again = json.find(({ path }) => path === 'again');
  t.is(again?.opaque, 'y');
  t.deepEqual(again?.marks, [{ name: `${xattrs}.overlay.opaque`, value: 'eQ==' }]);
  t.is(json.find(({ path }) => path === 'new/link')?.target, 'to');

  t.deepEqual(
    (await ask('-0')).split('\0').slice(0, -1),
    json.map(({ path }) => path),
  );
});
