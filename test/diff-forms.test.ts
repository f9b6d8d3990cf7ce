// The forms in which `diff` shows changes to people: list, tree and counts; colours; caps; progress.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { mountOverlay } from 'overlayfs';
import { Progress } from '../lib/cli/progress.ts';
import type { Result } from './helpers/command.ts';
import { objects, onTerminal, overlayfs, overlayfsBytes } from './helpers/command.ts';
import { Place, xattrs } from './helpers/place.ts';

let place: Place;

test.before(async () => {
  place = new Place('lower/gone/deep', 'lower/d', 'lower/src/a/b', 'lower/bin', 'target');
  writeFileSync(place.at('lower/src/a/b/x'), 'one\n');
  writeFileSync(place.at('lower/src/y'), 'y');
  writeFileSync(place.at('lower/bin/tool'), '');
  writeFileSync(place.at('lower/gone/x'), '12345');
  writeFileSync(place.at('lower/gone/deep/y'), '');
  writeFileSync(place.at('lower/d/f'), '123');
  writeFileSync(place.at('lower/shrunk'), 'x'.repeat(3000));
  const { upper, lower, target } = {
    upper: place.at('upper'),
    lower: place.at('lower'),
    target: place.at('target'),
  };
  await mountOverlay({ lower, upper, target, userxattr: xattrs === 'user' });
  const at = (name: string): string => place.at(`target/${name}`);
  appendFileSync(at('src/a/b/x'), 'two\n');
  chmodSync(at('bin/tool'), 0o755);
  rmSync(at('gone'), { recursive: true });
  rmSync(at('d'), { recursive: true });
  writeFileSync(at('d'), 'file');
  mkdirSync(at('new/sub/deep'), { recursive: true });
  writeFileSync(at('new/f1'), 'x'.repeat(2048));
  writeFileSync(at('new/f2'), 'x');
  writeFileSync(at('new/sub/deep/f3'), '');
  symlinkSync('x', at('link'));
  writeFileSync(at('shrunk'), 'x');
  mkdirSync(at('void'));
  writeFileSync(at('src/z'), 'z');
});
test.after.always(() => place[Symbol.dispose]());

function printed(t: ExecutionContext, { status, stdout, stderr }: Result): string {
  t.is(stderr, '');
  t.is(status, 0);
  return stdout.toString();
}

async function shown(t: ExecutionContext, ...options: readonly string[]): Promise<string> {
  return printed(t, await overlayfs(['diff', ...options, place.at('target')]));
}

const list = `M  bin/tool  [mode]
M  d  [directory -> file]
D  gone  [directory]
A  link  [symlink]
A  new  [directory]
A  new/f1
A  new/f2
A  new/sub  [directory]
A  new/sub/deep  [directory]
A  new/sub/deep/f3
M  shrunk  [content, times]
M  src/a/b/x  [content, times]
A  src/z
A  void  [directory]
`;

const tree = `M  bin/tool  [mode]
M  d  [directory -> file, 1 deleted, 3B]
D  gone/  [3 deleted, 5B]
A  link  [symlink]
A  new/  [5 added, 2.0K]
M  shrunk  [content, times]
   src/
M    a/b/x  [content, times]
A    z
A  void/
`;

const wholeTree = `M  bin/tool  [mode]
M  d  [directory -> file]
D    f
D  gone/
D    deep/
D      y
D    x
A  link  [symlink]
A  new/
A    f1
A    f2
A    sub/
A      deep/
A        f3
M  shrunk  [content, times]
   src/
M    a/b/x  [content, times]
A    z
A  void/
`;

test('a tree folds what was added or removed as a whole, and directories without a change', async (t) => {
  t.is(await shown(t), list);
  t.is(await shown(t, '--tree'), tree);
  t.is(await shown(t, '--tree', '--expand'), wholeTree);
});

test('a tree with one change, and with none', async (t) => {
  t.is(await shown(t, '--tree', '--include', 'src/a'), 'M  src/a/b/x  [content, times]\n');
  t.is(await shown(t, '--tree', '--include', 'nothing'), '');
});

test('counts and bytes by directory, as du has them', async (t) => {
  const text = await shown(t, '--stat');
  t.is(
    text,
    `    added modified  deleted    bytes+    bytes-   changed  directory
        0        1        0         0         0         0  bin/
        0        0        1         0        3B         0  d/
        0        0        4         0        5B         0  gone/
        6        0        0      2.0K         0         0  new/
        1        1        0        5B         0        8B  src/
        1        0        0         0         0         0  void/
        9        4        5      2.0K      2.9K        9B  total
`,
  );
  const lines = (await shown(t, '--stat', '--depth', '3'))
    .split('\n')
    .map((line) => line.slice(59));
  t.deepEqual(lines.slice(1, -1), [
    ...['bin/', 'd/', 'gone/deep/', 'gone/', 'new/sub/deep/', 'new/sub/', 'new/', 'src/a/b/'],
    ...['src/a/', 'src/', 'void/', 'total'],
  ]);
  const [total, ...more] = objects(Buffer.from(await shown(t, '--stat', '--json', '--depth=0')));
  t.deepEqual(more, []);
  t.deepEqual(total, {
    path: '.',
    ...{ added: 9, modified: 4, deleted: 5 },
    ...{ addedBytes: 2058, freedBytes: 3007, changedBytes: 9 },
  });
});

test('only additions are capped, and the cap says so', async (t) => {
  const notAdded = list.split('\n').filter((line) => line !== '' && !line.startsWith('A'));
  for (const most of [0, 1, 3, 8]) {
    const lines = (await shown(t, '--max-additions-shown', String(most))).split('\n');
    t.deepEqual(
      lines.filter((line) => /^[MD]/.test(line)),
      notAdded,
    );
    t.is(lines.filter((line) => line.startsWith('A')).length, most);
    t.is(lines.at(-2), `... and ${9 - most} more added, not shown (--max-additions-shown ${most})`);
  }
  t.is(await shown(t, '--max-additions-shown', '9'), list);
  // In a tree an added directory is one, with all that is in it.
  t.is(
    await shown(t, '--tree', '--max-additions-shown', '2'),
    `${tree.replace('   src/\nM    a/b/x', 'M  src/a/b/x').replace(/A {4}z\nA {2}void\/\n/, '')}` +
      '... and 2 more added, not shown (--max-additions-shown 2)\n',
  );
  t.true(
    (await shown(t, '--tree', '--max-additions-shown', '0')).endsWith(
      '9 more added, not shown (--max-additions-shown 0)\n',
    ),
  );
});

const usage: readonly (readonly [line: string, sentence: string])[] = [
  ['--tree --stat', '--tree and --stat exclude each other'],
  ['--tree --json', '--tree and --json exclude each other'],
  ['--patch -0', '--patch and -0 exclude each other'],
  ['--depth 2', '--depth goes with --stat'],
  ['--stat --depth x', "--depth must be a whole number, but is 'x'"],
  ['--max-additions-shown 5 --json', '--max-additions-shown goes with the list and --tree'],
  ['--max-additions-shown -1', '--max-additions-shown needs a value'],
  ['--max-additions-shown 1.5', '--max-additions-shown must be a whole number'],
  ['--max-patch-size 1M', '--max-patch-size goes with --patch'],
  ['--stat --expand', '--stat and --patch always look below removed directories'],
  ['--color sometimes', '--color must be one of auto, always, never'],
];
for (const [line, sentence] of usage) {
  test(`wrong usage: overlayfs diff ${line}`, async (t) => {
    const { status, stdout, stderr } = await overlayfs(['diff', ...line.split(' ')]);
    t.deepEqual([status, stdout.toString()], [2, '']);
    t.true(stderr.startsWith(`overlayfs: ${sentence}`), stderr);
  });
}

const esc = '\u001b';
const stripped = (text: string): string =>
  text.replaceAll(new RegExp(`${esc}\\[[0-9;]*m`, 'g'), '');

test('colours: on a terminal, not in a pipe, and as NO_COLOR, FORCE_COLOR and --color say', async (t) => {
  const target = place.at('target');
  const piped = async (env: NodeJS.ProcessEnv, ...options: string[]): Promise<string> =>
    printed(t, await overlayfs(['diff', ...options, target], { env: { ...process.env, ...env } }));
  const terminal = async (env: NodeJS.ProcessEnv, options = ''): Promise<string> =>
    (await onTerminal(`overlayfs diff ${options} ${target}`, { env })).stdout.toString();
  const coloured = `${esc}[31mD${esc}[39m  gone`;
  const off = { FORCE_COLOR: '', NO_COLOR: '' };
  t.is(await piped(off), list);
  t.true((await piped({ ...off, FORCE_COLOR: '1' })).includes(coloured));
  t.is(await piped({ ...off, FORCE_COLOR: '0' }), list);
  t.true((await piped(off, '--color=always')).includes(coloured));
  t.is(await piped({ ...off, FORCE_COLOR: '1' }, '--color=never'), list);
  t.true((await terminal(off)).includes(coloured));
  t.is(stripped(await terminal(off)), list);
  t.is(stripped(await terminal(off, '--tree')), tree);
  t.is(await terminal({ ...off, NO_COLOR: '1' }), list);
  t.is(await terminal({ ...off, TERM: 'dumb' }), list);
  t.is(await terminal(off, '--color=never'), list);
  for (const form of ['--json', '-0', '--name-status']) {
    t.false((await piped({ ...off, FORCE_COLOR: '1' }, form)).includes(esc), form);
  }
});

test('nothing in a name or a file reaches the terminal', async (t) => {
  using other = new Place('before', 'after');
  const name = `evil${esc}]0;title\u0007\n\u009b2J`;
  writeFileSync(other.at(`after/${name}`), `${esc}[2Jred\ttab\\n \u009b31m\r\n`);
  mkdirSync(other.at(`after/dir${esc}[2J`));
  writeFileSync(other.at(`after/dir${esc}[2J/f`), '');
  writeFileSync(Buffer.concat([Buffer.from(other.at('after/')), Buffer.of(0xff, 0x9b)]), 'x\x00y');
  const words = `--before ${other.at('before')} --after ${other.at('after')}`;
  for (const form of ['', '--tree', '--tree --expand', '--stat', '--patch', '--name-status']) {
    const line = `overlayfs diff ${form} --fail-on added ${words}`;
    const { stdout } = await onTerminal(line, { env: { FORCE_COLOR: '', NO_COLOR: '1' } });
    t.notRegex(stdout.toString().replaceAll(/[\n\t]/g, ''), /\p{Cc}/u, form);
  }
  const { stdout } = await onTerminal(`overlayfs diff --patch ${words}`, {
    env: { NO_COLOR: '1', FORCE_COLOR: '' },
  });
  t.true(stdout.toString().includes('+\\x1b[2Jred'), stdout.toString());
  t.true(stdout.toString().includes('tab\\n \\u009b31m\\r'), stdout.toString());
  // A program gets the bytes.
  const piped = await overlayfs(['diff', '--patch', ...words.split(' ')]);
  t.true(piped.stdout.includes(`+${esc}[2Jred\ttab\\n \u009b31m\r\n`));
});

test('a name that is not UTF-8 has its place in every form', async (t) => {
  using other = new Place('before', 'after');
  const bytes = Buffer.concat([Buffer.from(other.at('after/')), Buffer.of(0xff)]);
  mkdirSync(bytes);
  writeFileSync(Buffer.concat([bytes, Buffer.from('/\xe9', 'latin1')]), 'text\n');
  const words = ['diff', '--before', other.at('before'), '--after', other.at('after')];
  const ask = async (...options: (string | Buffer)[]): Promise<string> =>
    printed(t, await overlayfsBytes([...words, ...options]));
  t.is(await ask('--tree', '--expand'), 'A  \\xff/\nA    \\xe9\n');
  t.regex(await ask('--stat'), / {2}\\xff\/\n/);
  const [stat] = objects(Buffer.from(await ask('--stat', '--json')));
  t.is(stat?.pathBase64, '/w==');
  t.true((await ask('--patch')).startsWith('diff --git "a/\\377/\\351" "b/\\377/\\351"\n'));
  t.is(await ask('--ignore-pattern', Buffer.from([0xe9])), 'A  \\xff  [directory]\n');
  t.is(await ask('--ignore-pattern', Buffer.from([0xff])), '');
  t.is(await ask('--ignore-pattern', '?'), '');
});

test('a line on a terminal tells of long work', async (t) => {
  using other = new Place('before', 'after');
  for (let i = 0; i < 3000; i++) {
    writeFileSync(other.at(`after/${String(i).padStart(200, '0')}`), '');
  }
  const words = `--before ${other.at('before')} --after ${other.at('after')}`;
  const ask = async (line: string): Promise<string> => (await onTerminal(line)).stdout.toString();
  // The reader keeps it waiting.
  const slow = '| { sleep 1.5; wc -l; }';
  const told = await ask(`overlayfs diff ${words} ${slow}`);
  const erase = '\r\u001b[K';
  const [first = '', ...more] = told.split(erase);
  t.is(first, '');
  t.true(more.length > 3, told);
  t.is(more.pop(), '3000\n'); // what was there last is erased
  for (const line of more) {
    t.regex(line, /^(?:overlayfs: \d+ changes found, [01] s)?$/);
  }
  // Not where stderr is no terminal, nor on one that cannot erase, nor where it is quick.
  const file = other.at('stderr');
  t.is(await ask(`overlayfs diff ${words} 2>${file} ${slow}; cat ${file}`), '3000\n');
  t.is(await ask(`TERM=dumb; export TERM; overlayfs diff ${words} ${slow}`), '3000\n');
  t.is(await ask(`overlayfs diff ${words} --include 'x*' | wc -l`), '0\n');
});

test('the line goes before something else comes', async (t) => {
  const written: string[] = [];
  const terminal = { isTTY: true, columns: 20, write: (text: string) => written.push(text) };
  const progress = new Progress(
    () => 'a line that is too long for it',
    () => terminal,
  );
  progress.clear();
  t.deepEqual(written, []);
  await sleep(800);
  const drawn = '\r\u001b[Ka line that is too ';
  t.deepEqual([...new Set(written)], [drawn]);
  progress.clear();
  progress.clear();
  t.is(written.filter((text) => text === '\r\u001b[K').length, 1);
  progress.end();
  const count = written.length;
  await sleep(300);
  t.is(written.length, count);
});

test('a rename is shown in the list and in the tree', async (t) => {
  using other = new Place('lower/a', 'target');
  writeFileSync(other.at('lower/a/old'), 'content');
  const userxattr = xattrs === 'user';
  const { lower, upper } = { lower: other.at('lower'), upper: other.at('upper') };
  await using _ = await mountOverlay({ lower, upper, target: other.at('target'), userxattr });
  renameSync(other.at('target/a/old'), other.at('target/a/new'));
  const from = userxattr ? '' : '  (from a/old)'; // a rootless mount records no handle
  const diff = async (...options: string[]): Promise<string> =>
    printed(t, await overlayfs(['diff', ...options, other.at('target')]));
  t.is(await diff(), `A  a/new${from}\nD  a/old\n`);
  t.is(await diff('--tree'), `   a/\nA    new${from}\nD    old\n`);
});
