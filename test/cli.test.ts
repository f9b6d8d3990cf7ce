// The commands and their forms of output, each run as a program of its own.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Result } from './helpers/command.ts';
import { objects, overlayfs, program, shell, version } from './helpers/command.ts';
import { asRoot, Place, xattrs } from './helpers/place.ts';

const commands = ['mount', 'umount', 'refresh', 'list', 'diff', 'scan', 'help'];
/** Says how the marks are kept, where the command cannot know. */
const marks = asRoot ? [] : ['--userxattr'];
const userxattr = !asRoot;

/** Checks that all went well, and gives what was printed. */
function printed(t: ExecutionContext, { status, stdout, stderr }: Result): string {
  t.is(stderr, '');
  t.is(status, 0);
  return stdout.toString();
}

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

function mountAt(place: Place, ...options: string[]): Promise<Result> {
  const layers = ['--lower', place.at('lower'), '--upper', place.at('upper')];
  return overlayfs(['mount', ...options, ...layers, place.at('target')]);
}

test('mount prints what was mounted, umount unmounts it and prints nothing', async (t) => {
  using place = new Place('lower', 'lower2', 'target');
  writeFileSync(place.at('lower/a'), 'upper-most');
  writeFileSync(place.at('lower2/a'), 'hidden');
  writeFileSync(place.at('lower2/b'), '');
  const text = printed(t, await mountAt(place, '--lower', place.at('lower2')));
  // The first is the top-most: lower2.
  t.is(
    text,
    `${place.at('target')}\n  lower: ${place.at('lower2')}\n  lower: ${place.at('lower')}\n` +
      `  upper: ${place.at('upper')}\n  work: ${place.at('upper.work')}\n` +
      (userxattr ? '  options: userxattr\n' : ''),
  );
  t.deepEqual(place.overlays(), [place.at('target')]);
  t.deepEqual(readdirSync(place.at('target')).sort(), ['a', 'b']);
  t.is(statSync(place.at('target/a')).size, 'hidden'.length);
  t.is(printed(t, await overlayfs(['umount', place.at('target')])), '');
  t.deepEqual(place.overlays(), []);
});

test('mount --json, --work and --userxattr', async (t) => {
  using place = new Place('lower', 'target');
  const work = place.at('work');
  const text = printed(t, await mountAt(place, '--json', '--userxattr', '--work', work));
  const [object] = objects(Buffer.from(text));
  t.regex(String(object?.mountId), /^\d+$/);
  t.deepEqual(
    { ...object, mountId: typeof object?.mountId },
    {
      target: place.at('target'),
      mountId: 'string',
      lower: [place.at('lower')],
      upper: place.at('upper'),
      work,
      dataLower: [],
      writable: true,
      userxattr: true,
      interface: 'fsopen',
      warnings: [],
    },
  );
});

test('mount with every option there is', async (t) => {
  using place = new Place('lower', 'target', 'data');
  const words = [
    ...['--read-only', '--nosuid', '--nodev', '--noexec', '--nosymfollow', '--nodiratime'],
    ...['--atime=noatime', '--propagation=private', '--uuid=on', '--volatile', '--init-upper'],
    ...['--xino=off', '--default-permissions', '--accept-unclean', '--redirect-dir=nofollow'],
    ...['--data-lower', place.at('data'), '--option=lazytime'],
  ];
  const [object] = objects(Buffer.from(printed(t, await mountAt(place, '--json', ...words))));
  t.deepEqual(object?.dataLower, [place.at('data')]);
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.includes(place.at('target')));
  for (const word of ['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'default_permissions']) {
    t.regex(line ?? '', new RegExp(`[ ,]${word}[ ,]`));
  }
});

test('mount in memory', async (t) => {
  using place = new Place('lower', 'target');
  const args = ['mount', '--lower', place.at('lower'), '--tmpfs', '--tmpfs-size=1M'];
  const text = printed(t, await overlayfs([...args, place.at('target')]));
  t.true(text.includes('upper in memory'));
  t.is(statfsSync(place.at('target')).blocks * statfsSync(place.at('target')).bsize, 1 << 20);
});

test('mount takes relative paths', async (t) => {
  using place = new Place('lower', 'target');
  const args = ['mount', '--lower=lower', '--upper=upper', '--json', '--', 'target'];
  const [object] = objects((await overlayfs(args, { cwd: place.base })).stdout);
  t.deepEqual(
    [object?.target, object?.lower, object?.upper, object?.work],
    [
      place.at('target'),
      [`${place.base}/lower`],
      `${place.base}/upper`,
      `${place.base}/upper.work`,
    ],
  );
});

test('a mount without an upper is read-only', async (t) => {
  using place = new Place('lower', 'lower2', 'target');
  const layers = ['--lower', place.at('lower'), '--lower', place.at('lower2')];
  const text = printed(t, await overlayfs(['mount', ...layers, place.at('target')]));
  t.true(text.includes('  options: read-only'));
  t.throws(() => writeFileSync(place.at('target/x'), ''), { code: 'EROFS' });
});

test('umount --lazy, and --any for what is no overlay', async (t) => {
  using place = new Place('lower', 'target');
  printed(t, await mountAt(place));
  const holder = spawn('sleep', ['60'], { cwd: place.at('target') });
  await new Promise((resolve) => holder.once('spawn', resolve));
  t.teardown(() => holder.kill('SIGKILL'));
  const busy = await overlayfs(['umount', place.at('target')]);
  t.is(busy.status, 1);
  t.regex(busy.stderr, /^overlayfs: EBUSY: [^\n]*\n$/);
  t.deepEqual(place.overlays(), [place.at('target')]);
  printed(t, await overlayfs(['umount', '--lazy', place.at('target')]));
  t.deepEqual(place.overlays(), []);

  const other = place.tmpfs('other');
  const refused = await overlayfs(['umount', other]);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /^overlayfs: EINVAL: [^\n]* no overlay is mounted there\n$/);
  printed(t, await overlayfs(['umount', '--any', '--force', other]));
  place.released(other);
});

test('list', async (t) => {
  using place = new Place('lower', 'target');
  printed(t, await mountAt(place));
  const target = place.at('target');
  const text = printed(t, await overlayfs(['list']));
  const start = text.indexOf(`${target}\n`);
  t.true(start === 0 || text[start - 1] === '\n');
  t.true(
    text
      .slice(start)
      .startsWith(
        `${target}\n  lower: ${place.at('lower')}\n  upper: ${place.at('upper')}\n  work: `,
      ),
  );
  const json = objects((await overlayfs(['list', '--json'])).stdout);
  const found = json.find((object) => object.target === target);
  const { mountId, parentId, uniqueId, device, options: _, ...rest } = found ?? {};
  const numbers = [mountId, parentId, (device as { minor?: unknown } | undefined)?.minor];
  t.deepEqual(numbers.map(Number.isInteger), [true, true, true]);
  t.true(uniqueId === undefined || /^\d+$/.test(String(uniqueId)), String(uniqueId));
  t.deepEqual(rest, {
    target,
    source: 'overlay',
    root: '/',
    deleted: false,
    mountOptions: ['rw', 'relatime'],
    readOnly: false,
    propagation: { unbindable: false },
    lower: [place.at('lower')],
    dataLower: [],
    upper: place.at('upper'),
    work: place.at('upper.work'),
    userxattr,
    deletedLayers: [],
  });
  const bare = printed(t, await overlayfs(['list', '-0']));
  t.true(bare.endsWith('\0'));
  t.true(bare.split('\0').includes(target));
});

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

test('help of everything, with examples', async (t) => {
  const general = printed(t, await overlayfs(['--help']));
  t.is(printed(t, await overlayfs(['-h'])), general);
  t.is(printed(t, await overlayfs(['help'])), general);
  for (const command of commands) {
    t.regex(general, new RegExp(`^ {2}${command} `, 'm'));
    const text = printed(t, await overlayfs([command, '--help']));
    t.true(text.startsWith(`Usage: overlayfs ${command} `), command);
    t.regex(text, new RegExp(`\nExamples:\n(?:  .*overlayfs ${command}.*\n| .*\n)+$`), command);
    t.is(printed(t, await overlayfs(['help', command])), text);
    t.is(printed(t, await overlayfs([command, '--bogus', '-h', 'x', 'y'])), text);
    t.true(
      text.split('\n').every((line) => line.length <= 80),
      command,
    );
  }
  t.is(printed(t, await overlayfs(['--version'])), `${version}\n`);
});

test('help and mistakes do not load the addon', async (t) => {
  for (const args of [['--help'], ['diff', '--help'], ['--version'], ['bogus'], ['diff', '--x']]) {
    const node = ['--input-type=module', '-e'];
    const script = `
      process.argv = ['node', 'overlayfs', ...${JSON.stringify(args)}];
      await import(${JSON.stringify(program)});
      process.stdout.write(JSON.stringify(process.report.getReport().sharedObjects));`;
    const { stdout } = await shell(`"$NODE" ${node.join(' ')} "$SCRIPT"`, {
      env: { SCRIPT: script },
    });
    t.false(stdout.includes('overlayfs.node'), args.join(' '));
    t.true(stdout.includes('libc.so'), 'the list of libraries is there');
  }
});

test('the installed program is executable by itself', async (t) => {
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const { stdout } = await shell('"$OVERLAYFS" --version', { env: { PATH: path } });
  t.is(stdout.toString(), `${version}\n`);
});
