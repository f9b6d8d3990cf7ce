// The options `include` and `exclude`.
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { Change, ChangesOptions } from 'overlayfs';
import { changes } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { matching } from './helpers/patterns.ts';
import type { Scene } from './helpers/scene.ts';
import { at, makeLowers, mountByLab, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

type Filter = Pick<ChangesOptions, 'include' | 'exclude'>;

const path = ({ path: text, pathBytes }: Change): string =>
  (pathBytes ?? Buffer.from(text)).toString('latin1');

async function list(
  source: Parameters<typeof changes>[0],
  options: ChangesOptions = {},
): Promise<Change[]> {
  const found: Change[] = [];
  for await (const change of changes(source, options)) found.push(change);
  return found;
}

const layers = ({ upper, lowers: lower }: Scene) => ({ upper, lower, xattrs: own }) as const;

/** Everything in `names` is new. */
async function fresh(t: Parameters<typeof startScene>[0], names: readonly (string | Buffer)[]) {
  const scene = await startScene(t, lab, 1);
  await lab.mkdir(scene.upper);
  for (const name of names) {
    const parts = Buffer.from(name).toString('latin1').split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = at(scene.upper, Buffer.from(parts.slice(0, depth).join('/'), 'latin1'));
      if (!(await lab.exists(parent))) await lab.mkdir(parent);
    }
    await lab.write(at(scene.upper, name), '');
  }
  return scene;
}

const tree = ['a', 'b.log', 'd/b.log', 'd/e/b.log', 'd/e/c', 'd/x1', 'd/x2', 'dist/a', 'x/d/e/c'];

const forms: readonly (readonly [pattern: string, chosen: readonly string[]])[] = [
  ['a', ['a']],
  ['*.log', ['b.log']],
  ['**/*.log', ['b.log', 'd/b.log', 'd/e/b.log']],
  ['d', ['d', 'd/b.log', 'd/e', 'd/e/b.log', 'd/e/c', 'd/x1', 'd/x2']],
  ['d/', ['d', 'd/b.log', 'd/e', 'd/e/b.log', 'd/e/c', 'd/x1', 'd/x2']],
  ['d/**', ['d', 'd/b.log', 'd/e', 'd/e/b.log', 'd/e/c', 'd/x1', 'd/x2']],
  ['d/*', ['d/b.log', 'd/e', 'd/e/b.log', 'd/e/c', 'd/x1', 'd/x2']],
  ['d/*/*', ['d/e/b.log', 'd/e/c']],
  ['*/*.log', ['d/b.log']],
  ['./d//./e', ['d/e', 'd/e/b.log', 'd/e/c']],
  ['d/**/c', ['d/e/c']],
  ['**/e/c', ['d/e/c', 'x/d/e/c']],
  ['**/d/**/c', ['d/e/c', 'x/d/e/c']],
  ['**/**/c', ['d/e/c', 'x/d/e/c']],
  ['d/x?', ['d/x1', 'd/x2']],
  ['d/x[2-9]', ['d/x2']],
  ['d/x[!2]', ['d/x1']],
  ['di??', ['dist', 'dist/a']],
  ['d*', ['d', 'd/b.log', 'd/e', 'd/e/b.log', 'd/e/c', 'd/x1', 'd/x2', 'dist', 'dist/a']],
  [
    '?',
    [
      'a',
      'd',
      'd/b.log',
      'd/e',
      'd/e/b.log',
      'd/e/c',
      'd/x1',
      'd/x2',
      'x',
      'x/d',
      'x/d/e',
      'x/d/e/c',
    ],
  ],
  ['A', []],
  ['d/e/c/more', []],
];

test('every form of a pattern', async (t) => {
  const source = layers(await fresh(t, tree));
  const all = (await list(source)).map(path);
  for (const [pattern, chosen] of forms) {
    t.deepEqual((await list(source, { include: [pattern] })).map(path), chosen, pattern);
    const rest = all.filter((each) => !chosen.includes(each));
    t.deepEqual((await list(source, { exclude: [pattern] })).map(path), rest, pattern);
  }
  for (const everything of ['**', '.', './', '**/**', '*']) {
    t.deepEqual((await list(source, { include: [everything] })).map(path), all, everything);
    t.deepEqual(await list(source, { exclude: [everything] }), [], everything);
  }
  t.deepEqual((await list(source, { include: [], exclude: [] })).map(path), all);
});

test('the root is matched by what matches everything', async (t) => {
  const scene = await startScene(t, lab, 1);
  await lab.mkdir(scene.upper, 0o711);
  const source = layers(scene);
  for (const [pattern, count] of [
    ['**', 1],
    ['.', 1],
    ['*', 0],
    ['?', 0],
    ['**/a', 0],
  ] as const) {
    t.is((await list(source, { include: [pattern] })).length, count, pattern);
    t.is((await list(source, { exclude: [pattern] })).length, 1 - count, pattern);
  }
});

const special: readonly (readonly [string, string])[] = [
  ['*', '\\*'],
  ['?', '\\?'],
  ['[a]', '\\[a]'],
  ['[', '['],
  ['a]', 'a]'],
  ['\\', '\\\\'],
  ['a\\b', 'a\\\\b'],
  ['!', '!'],
  ['#', '#'],
  ['{a,b}', '{a,b}'],
  ['**x', '\\**x'],
  ['...', '...'],
  ['.hidden', '.hidden'],
  [' ', ' '],
  ['new\nline', 'new\nline'],
  ['\u{1f642}', '\u{1f642}'],
];

test('names with special characters, taken literally', async (t) => {
  const names = special.map(([name]) => name);
  const source = layers(await fresh(t, names));
  for (const [name, pattern] of special) {
    t.deepEqual(
      (await list(source, { include: [pattern] })).map(({ path: text }) => text),
      [name],
    );
  }
  t.is((await list(source, { include: ['[*]'] })).length, 1);
  t.is((await list(source, { include: ['.*'] })).length, 2);
  t.is((await list(source, { include: ['*'] })).length, names.length);
});

test('patterns are bytes', async (t) => {
  const strange = Buffer.from('f\xff', 'latin1');
  const source = layers(await fresh(t, [strange, 'f\u00ff', 'fo']));
  const chosen = async (pattern: string | Buffer): Promise<string[]> =>
    (await list(source, { include: [pattern] })).map(path);
  t.deepEqual(await chosen(strange), ['f\xff']);
  t.deepEqual(await chosen('f\u00ff'), ['f\xc3\xbf']);
  t.deepEqual(await chosen('f?'), ['fo', 'f\xff']);
  t.deepEqual(await chosen('f??'), ['f\xc3\xbf']);
  t.deepEqual(await chosen(Buffer.from('f[\xf0-\xff]', 'latin1')), ['f\xff']);
  t.deepEqual(await chosen(Buffer.from('*\xff', 'latin1')), ['f\xff']);
});

test('as an obvious filter over the whole list has it', async (t) => {
  const scene = await startScene(t, lab, 1);
  const gone = {
    'g/a': '1',
    'g/d/b': '1',
    'g/d/ab': '1',
    'k/a': '1',
    'k/b/a': '1',
    ab: '1',
    x: '1',
  };
  await makeLowers(scene, [plant(gone)]);
  const close = await mountByLab(scene);
  t.teardown(close);
  const { target } = scene;
  await lab.rmtree(at(target, 'g'));
  await lab.rmtree(at(target, 'k/b'));
  await lab.unlink(at(target, 'x'));
  await plant({ 'x/a/b': '2', 'x/ab/a': '2', 'k/ab': '2', ab: '2', 'z/g/a/d': '2' })(lab, target);
  const [before = target] = scene.lowers;
  const parts = ['a', 'b', 'g', 'k', 'x', '*', '?b', '[a-d]', '**', 'a*', 'z'];
  const patterns = [
    ...parts,
    ...parts.flatMap((first) => parts.map((second) => `${first}/${second}`)),
    ...['**/d/*', 'g/**/b', '**/a/**', 'x/*/?', '*/**/a', '**/**', 'z/**/d'],
  ];
  for (const source of [target, { before, after: target }]) {
    const all = await list(source, { expand: true });
    const check = async (filter: Filter): Promise<void> => {
      const found = await list(source, { ...filter, expand: true });
      const expected = all.filter((change) => matching(path(change), filter));
      if (isDeepStrictEqual(found, expected)) return;
      t.deepEqual({ filter, found }, { filter, found: expected });
    };
    for (const [i, pattern] of patterns.entries()) {
      const other = patterns[(i * 7 + 3) % patterns.length] ?? '*';
      await check({ include: [pattern] });
      await check({ exclude: [pattern] });
      await check({ include: [pattern], exclude: [other] });
      await check({ include: [pattern, other], exclude: ['**/ab'] });
    }
  }
  t.pass();
});

test('of a removed directory, what matches', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [plant({ 'gone/a.log': '', 'gone/d/b.log': '', 'gone/d/c': '', o: '' })]);
  const close = await mountByLab(scene);
  t.teardown(close);
  await lab.rmtree(at(scene.target, 'gone'));
  const found = async (filter: ChangesOptions): Promise<string[]> =>
    (await list(scene.target, filter)).map(path);
  t.deepEqual(await found({ include: ['**/*.log'] }), ['gone/a.log', 'gone/d/b.log']);
  t.deepEqual(await found({ include: ['gone/d'] }), ['gone/d']);
  t.deepEqual(await found({ include: ['gone/d'], expand: true }), [
    'gone/d',
    'gone/d/b.log',
    'gone/d/c',
  ]);
  t.deepEqual(await found({ include: ['gone'], exclude: ['gone/d'] }), ['gone']);
  t.deepEqual(await found({ exclude: ['gone/d'], expand: true }), ['gone', 'gone/a.log']);
});

test('what is left out is not looked at', async (t) => {
  const scene = await fresh(t, ['bad/below', 'good/below', 'good/worse/below']);
  for (const name of ['bad', 'good/worse']) {
    await lab.setXattr(at(scene.upper, name), `${own}.overlay.redirect`, '../elsewhere');
  }
  const source = layers(scene);
  await t.throwsAsync(list(source), { code: 'EINVAL' });
  await t.throwsAsync(list(source, { include: ['**/below'] }), { code: 'EINVAL' });
  const left = ['good', 'good/below'];
  const exclude = ['bad', '**/worse'];
  t.deepEqual((await list(source, { exclude })).map(path), left);
  t.deepEqual((await list(source, { include: ['good', 'bad/below'], exclude })).map(path), left);
  t.deepEqual((await list(source, { include: ['good/below'] })).map(path), ['good/below']);
  t.deepEqual((await list(source, { include: ['g*/b*', 'x/**'] })).map(path), ['good/below']);
});
