// Filters: what they do not change, wrong patterns, and the command's options for them.
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { changes, mountOverlay } from 'overlayfs';
import { overlayfs, overlayfsBytes } from './helpers/command.ts';
import { Lab } from './helpers/lab.ts';
import { Place, xattrs } from './helpers/place.ts';
import { asUser, at, makeLowers, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

test('links are judged over the whole tree', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [
    async (_, layer) => {
      await plant({ a: 'linked', 'd/c': 'linked', x: 'equal', 'd/y': 'equal' })(lab, layer);
      await lab.unlink(at(layer, 'd/c'));
      await lab.link(at(layer, 'a'), at(layer, 'd/c'));
    },
  ]);
  await lab.mkdir(scene.upper);
  // The group of `a` and `d/c` made again, and one of what were two files.
  await plant({ a: 'linked', x: 'equal', d: null })(lab, scene.upper);
  await lab.link(at(scene.upper, 'a'), at(scene.upper, 'd/c'));
  await lab.link(at(scene.upper, 'x'), at(scene.upper, 'd/y'));
  const { upper, lowers: lower } = scene;
  const list = async (options: Parameters<typeof changes>[1]): Promise<string[]> => {
    const lines: string[] = [];
    for await (const { path, aspects } of changes({ upper, lower, xattrs: own }, options)) {
      lines.push(`${path} ${aspects.join()}`);
    }
    return lines;
  };
  t.deepEqual(await list({}), ['d/y links', 'x links']);
  t.deepEqual(await list({ include: ['a', 'x'] }), ['x links']);
  t.deepEqual(await list({ exclude: ['d'] }), ['x links']);
  t.deepEqual(await list({ exclude: ['a', 'x'] }), ['d/y links']);
});

test('the order stays', async (t) => {
  const scene = await startScene(t, lab, 1);
  await lab.mkdir(scene.upper);
  await plant({ 'a/b': '', 'a.b': '', 'a-b/c': '', B: '', '\u00e9': '' })(lab, scene.upper);
  const { upper, lowers: lower } = scene;
  const paths = async (include: readonly string[]): Promise<string[]> => {
    const list: string[] = [];
    for await (const { path } of changes({ upper, lower, xattrs: own }, { include })) {
      list.push(path);
    }
    return list;
  };
  const all = ['B', 'a', 'a/b', 'a-b', 'a-b/c', 'a.b', '\u00e9'];
  t.deepEqual(await paths(['\u00e9', 'a.b', 'a/b', 'a', 'B', 'a-b']), all);
  t.deepEqual(await paths(['a-b/c', 'a/b', '**']), all);
  t.deepEqual(await paths(['a-b/c', 'a/b']), ['a/b', 'a-b/c']);
});

const wrong: readonly (readonly [value: unknown, code: string])[] = [
  [['/a'], 'ERR_INVALID_ARG_VALUE'],
  [['..'], 'ERR_INVALID_ARG_VALUE'],
  [['a/../b'], 'ERR_INVALID_ARG_VALUE'],
  [['a/..'], 'ERR_INVALID_ARG_VALUE'],
  [[''], 'ERR_INVALID_ARG_VALUE'],
  [['a\0b'], 'ERR_INVALID_ARG_VALUE'],
  [[Buffer.alloc(0)], 'ERR_INVALID_ARG_VALUE'],
  [[new URL('file:///a')], 'ERR_INVALID_ARG_VALUE'],
  [[new URL('https://a.example/')], 'ERR_INVALID_ARG_VALUE'],
  ['a', 'ERR_INVALID_ARG_TYPE'],
  [Buffer.from('a'), 'ERR_INVALID_ARG_TYPE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
  [new Set(['a']), 'ERR_INVALID_ARG_TYPE'],
  [['a', 1], 'ERR_INVALID_ARG_TYPE'],
  [['a', undefined], 'ERR_INVALID_ARG_TYPE'],
  [[/a/], 'ERR_INVALID_ARG_TYPE'],
];

test('wrong patterns are named', (t) => {
  for (const key of ['include', 'exclude']) {
    for (const [value, code] of wrong) {
      const error = t.throws(() => changes('/', { [key]: value } as never), {
        instanceOf: TypeError,
        code,
      });
      t.true(error.message.includes(`options.${key}`), error.message);
    }
  }
  t.notThrows(() => changes('/', { include: ['..a', 'a..', '...', 'a/..b'] }));
});

function prepared(): Place {
  const place = new Place('lower/d', 'target', 'upper/d', 'upper/e');
  for (const name of ['upper/a', 'upper/d/b', 'upper/d/c', 'upper/e/b']) {
    writeFileSync(place.at(name), '');
  }
  return place;
}

const space = asUser ? ['--userxattr'] : [];

test('the command takes patterns', async (t) => {
  using place = prepared();
  const diff = async (...words: readonly string[]): Promise<string> => {
    const layers = ['--upper', place.at('upper'), '--lower', place.at('lower')];
    const { status, stdout, stderr } = await overlayfs(['diff', ...space, ...layers, ...words]);
    t.deepEqual([status, stderr], [0, '']);
    return stdout.toString().replaceAll('\n', ' ');
  };
  t.is(await diff(), 'A  a A  d/b A  d/c A  e  [directory] A  e/b ');
  t.is(await diff('--include', 'd'), 'A  d/b A  d/c ');
  t.is(await diff('--include', 'a', '--include=e/b'), 'A  a A  e/b ');
  t.is(await diff('--exclude', '**/b'), 'A  a A  d/c A  e  [directory] ');
  t.is(
    await diff('--include', '*', '--exclude', 'd', '--exclude', 'e/*'),
    'A  a A  e  [directory] ',
  );
  const strange = await overlayfsBytes([
    ...['diff', ...space, '--upper', place.at('upper'), '--lower', place.at('lower'), '--include'],
    Buffer.from('\xff', 'latin1'),
  ]);
  t.deepEqual([strange.status, strange.stdout.toString(), strange.stderr], [0, '', '']);
});

test('absolute patterns lie below the target', async (t) => {
  using place = prepared();
  const { lower, upper, target } = {
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('target'),
  };
  await using _ = await mountOverlay({ lower, upper, target, userxattr: xattrs === 'user' });
  const diff = (words: readonly string[], cwd = place.base) =>
    overlayfs(['diff', ...words], { cwd });
  const shown = async (words: readonly string[], cwd?: string): Promise<string> => {
    const { status, stdout, stderr } = await diff(words, cwd);
    t.deepEqual([status, stderr], [0, ''], words.join(' '));
    return stdout.toString().replaceAll('\n', ' ');
  };
  const all = 'A  a A  d/b A  d/c A  e  [directory] A  e/b ';
  t.is(await shown(['target', '--include', `${target}/d/*`]), 'A  d/b A  d/c ');
  t.is(await shown(['target', '--include', `${target}//d/b`]), 'A  d/b ');
  t.is(await shown(['--exclude', `${target}/d`], target), 'A  a A  e  [directory] A  e/b ');
  for (const root of [target, `${target}/`]) {
    t.is(await shown(['target', '--include', root]), all);
    t.is(await shown(['target', '--exclude', root]), '');
  }
  symlinkSync('target', place.at('link'));
  t.is(await shown(['link', '--include', `${realpathSync(place.at('link'))}/a`]), 'A  a ');
  for (const outside of [place.base, `${target}x/a`, upper, '/', '/**']) {
    for (const option of ['--include', '--exclude']) {
      const { status, stderr } = await diff(['target', option, outside]);
      t.is(status, 2, outside);
      t.is(stderr.split('\n')[0], `overlayfs: ${option} '${outside}' is not below ${target}`);
    }
  }
});

const usage: readonly (readonly [line: string, sentence: string])[] = [
  ['--before a', '--before needs --after'],
  ['--after a', '--after needs --before'],
  ['--before a --after b --upper u --lower l', 'two directories (--before, --after) exclude'],
  ['--before a --after b target', 'two directories (--before, --after) exclude'],
  ['--before a --after b --userxattr', '--userxattr goes with --upper and --lower'],
  ['--before a --after b --work w', '--work goes with --upper and --lower'],
  ['--before a --before b --after c', '--before can be given once only'],
  ['--before= --after b', '--before must not be empty'],
  ['--before a --after b --include /a', "--include '/a' is not below a TARGET"],
  ['--upper u --lower l --exclude /a', "--exclude '/a' is not below a TARGET"],
  ['--before a --after b --include=', '--include must not be empty'],
];

for (const [line, sentence] of usage) {
  test(`wrong usage: overlayfs diff ${line}`, async (t) => {
    const { status, stdout, stderr } = await overlayfs(['diff', ...line.split(' ')]);
    t.deepEqual([status, stdout.toString()], [2, '']);
    t.true(stderr.startsWith(`overlayfs: ${sentence}`), stderr);
  });
}

test('a pattern that leads out is wrong usage', async (t) => {
  for (const pattern of ['../x', 'a/..']) {
    const words = ['--before', 'a', '--after', 'b', '--exclude', pattern];
    const { status, stderr } = await overlayfs(['diff', ...words]);
    t.is(status, 2, stderr);
    t.true(stderr.includes(`--exclude '${pattern}'`), stderr);
  }
});

test('the command compares two directories', async (t) => {
  using place = prepared();
  mkdirSync(place.at('lower/gone'));
  const words = ['diff', '--before', place.at('lower'), '--after', place.at('upper')];
  const { status, stdout, stderr } = await overlayfs([...words, '--exit-code', '--include', '*']);
  t.deepEqual([status, stderr], [3, '']);
  t.is(
    stdout.toString(),
    'A  a\nA  d/b\nA  d/c\nA  e  [directory]\nA  e/b\nD  gone  [directory]\n',
  );
});
