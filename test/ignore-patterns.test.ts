// Ignore patterns: the rules of gitignore, as git itself has them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { ChangesOptions } from 'overlayfs';
import { changes } from 'overlayfs';
import { overlayfs } from './helpers/command.ts';
import { Place } from './helpers/place.ts';

const files = [
  ...['a.o', 'a.c', 'build/out', 'build/keep', 'src/build/x', 'src/a.o', 'src/deep/er/a.o'],
  ...['doc/a.txt', 'doc/b.txt', 'doc/sub/c.txt', '#hash', '!bang', 'with space', 'trailing '],
  ...['A.O', 'node_modules/x/index.js', 'logs/1.log', 'logs/important.log', '[x]', 'back\\slash'],
  ...['voil\u00e0', '\u00e9t\u00e9', 'x\u2028y', 'new\nline', '..a', 'a..', '...', 'foo/bar/baz'],
];

const patternFiles: readonly (readonly string[])[] = [
  ['*.o'],
  ['*.o', '!a.o'],
  ['/a.o'],
  ['build/'],
  ['/build'],
  ['build/*', '!build/keep'],
  ['build/', '!build/keep'],
  ['doc/**/*.txt'],
  ['doc/*.txt'],
  ['**/er'],
  ['src/**'],
  ['\\#hash', '\\!bang'],
  ['#hash', '!bang'],
  ['with space', 'trailing\\ '],
  ['trailing '],
  ['logs/*', '!logs/important.log'],
  ['[[]x]', 'back\\\\slash'],
  ['[a-b].[oc]'],
  ['voil\u00e0', '\u00e9*'],
  ['??t??'],
  ['voil\u00e0\r', 'a.c\r'],
  ['', '  ', '*', '!*/', '!*.c'],
  ['..a', '...', 'a..'],
  ['foo/bar'],
  ['bar/baz', 'baz'],
  ['*\nline', 'new*'],
];

function fill(place: Place): void {
  for (const name of files) {
    mkdirSync(dirname(place.at(`after/${name}`)), { recursive: true });
    writeFileSync(place.at(`after/${name}`), '');
  }
}

async function left(place: Place, options: ChangesOptions): Promise<string[]> {
  const list: string[] = [];
  const source = { before: place.at('before'), after: place.at('after') };
  for await (const { path, type } of changes(source, options)) {
    if (type === 'file') {
      list.push(path);
    }
  }
  return list.sort();
}

test('what git ignores is ignored', async (t) => {
  using place = new Place('before', 'after', 'repository');
  fill(place);
  const git = (...words: readonly string[]): Buffer =>
    execFileSync(
      'git',
      [`--git-dir=${place.at('repository')}`, `--work-tree=${place.at('after')}`, ...words],
      {
        cwd: place.at('after'),
        env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
      },
    );
  git('init', '-q');
  for (const patterns of patternFiles) {
    const file = place.at('patterns');
    writeFileSync(file, `${patterns.join('\n')}\n`);
    const listed = git('ls-files', '-z', '--others', `--exclude-from=${file}`);
    const expected = listed.toString().split('\0').slice(0, -1).sort();
    const text = `${patterns.join('\n')}\n`;
    t.deepEqual(await left(place, { ignorePatterns: [text] }), expected, text);
    t.deepEqual(await left(place, { ignorePatterns: [Buffer.from(text)] }), expected, text);
  }
});

test('include and exclude choose first, and ignore patterns cannot take back', async (t) => {
  using place = new Place('before', 'after');
  fill(place);
  t.deepEqual(await left(place, { include: ['doc'], ignorePatterns: ['b.txt'] }), [
    'doc/a.txt',
    'doc/sub/c.txt',
  ]);
  t.deepEqual(
    await left(place, { include: ['a.*'], exclude: ['*.o', 'a..'], ignorePatterns: ['!a.o'] }),
    ['a.c'],
  );
  t.deepEqual(await left(place, { include: ['logs'], ignorePatterns: [] }), [
    'logs/1.log',
    'logs/important.log',
  ]);
});

test('what is ignored is not counted either', async (t) => {
  using place = new Place('before', 'after');
  for (const name of ['a.log', 'b.log', 'c.txt']) writeFileSync(place.at(`after/${name}`), '');
  writeFileSync(place.at('before/gone.log'), '');
  writeFileSync(place.at('before/gone.txt'), '');
  const source = { before: place.at('before'), after: place.at('after') };
  const ignorePatterns = ['*.log'];
  const expected = { added: 1, modified: 0, deleted: 1 };
  t.deepEqual(await changes(source, { ignorePatterns }).count(), expected);
  t.deepEqual(await changes(source, { ignorePatterns, stat: true }).count(), expected);
  const list = changes(source, { ignorePatterns });
  await list.count();
  await t.throwsAsync(() => list.count(), { code: 'ERR_INVALID_STATE' });
  const signal = AbortSignal.abort();
  await t.throwsAsync(() => changes(source, { ignorePatterns, signal }).count(), {
    name: 'AbortError',
  });
});

test('more paths than are remembered at once', async (t) => {
  using place = new Place('before', 'after');
  const wide = 10_000;
  for (let i = 0; i < wide; i++) {
    if (i % 100 === 0) {
      mkdirSync(place.at(`after/d${i / 100}`));
    }
    writeFileSync(place.at(`after/d${Math.floor(i / 100)}/${i % 2 === 0 ? 'x' : 'y'}${i}`), '');
  }
  const list = await left(place, { ignorePatterns: ['x*', '/d7/'] });
  t.is(list.length, wide / 2 - 50);
  t.true(list.every((path) => path.includes('/y') && !path.startsWith('d7/')));
});

test('the root is never ignored, and wrong patterns are named', async (t) => {
  using place = new Place('before', 'after');
  execFileSync('chmod', ['700', place.at('after')]);
  const all: string[] = [];
  const source = { before: place.at('before'), after: place.at('after') };
  for await (const { path } of changes(source, { ignorePatterns: ['*', '.', '/'] })) {
    all.push(path);
  }
  t.deepEqual(all, ['.']);
  for (const [value, name] of [
    ['x', 'options.ignorePatterns'],
    [[1], 'options.ignorePatterns[0]'],
    [['x', null], 'options.ignorePatterns[1]'],
  ] as const) {
    const error = t.throws(() => changes(source, { ignorePatterns: value as never }), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
    t.true(error.message.includes(`"${name}"`), error.message);
  }
});

test('the command takes files and patterns, the patterns deciding', async (t) => {
  using place = new Place('before', 'after');
  fill(place);
  writeFileSync(place.at('one'), '*.o\n*.c\n');
  writeFileSync(place.at('two'), '!a.c');
  const ask = async (...options: readonly string[]): Promise<string> => {
    const words = ['--before', place.at('before'), '--after', place.at('after')];
    const all = [
      'diff',
      '--name-status',
      ...words,
      '--include',
      'a.[co]',
      '--include',
      'A.O',
      ...options,
    ];
    const { status, stdout, stderr } = await overlayfs(all, { cwd: place.base });
    t.deepEqual([status, stderr], [0, '']);
    return stdout.toString().replaceAll('A\t', '').replaceAll('\n', ' ');
  };
  t.is(await ask(), 'A.O a.c a.o ');
  t.is(await ask('--ignore-file', 'one'), 'A.O ');
  t.is(await ask('--ignore-file', 'one', '--ignore-file', 'two'), 'A.O a.c ');
  t.is(await ask('--ignore-file', 'two', '--ignore-file', 'one'), 'A.O ');
  t.is(await ask('--ignore-pattern', '!a.o', '--ignore-file', 'one'), 'A.O a.o ');
  t.is(await ask('--ignore-pattern', '*', '--ignore-pattern', '!a.*'), 'a.c a.o ');
  const { status, stderr } = await overlayfs([
    'diff',
    '--before',
    'a',
    '--after',
    'b',
    '--ignore-file',
    join(place.base, 'no\nne'),
  ]);
  t.is(status, 1);
  t.regex(
    stderr,
    /^overlayfs: the patterns of --ignore-file cannot be read: ENOENT: .*no\\nne'\n$/,
  );
});
