// Counts of changes: what the addon adds up is what JavaScript makes of the list itself. Patterns that
// leave nothing out are what makes it do so.
import { mkdirSync, writeFileSync } from 'node:fs';
import test from 'ava';
import type { ChangesSource, DirectoryTotals, SummarizeOptions } from 'overlayfs';
import { OverlayError, summarizeChanges } from 'overlayfs';
import { native } from '../lib/native.ts';
import { overlayfs } from './helpers/command.ts';
import { Lab } from './helpers/lab.ts';
import { Place } from './helpers/place.ts';
import { Random, randomLayer, writeLayer } from './helpers/random-layers.ts';
import { at, own, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const ignorePatterns = ['no such name'];

async function all(source: ChangesSource, options: SummarizeOptions): Promise<DirectoryTotals[]> {
  const totals: DirectoryTotals[] = [];
  for await (const each of summarizeChanges(source, options)) totals.push(each);
  return totals;
}

/** Or the error. */
async function outcome(
  source: ChangesSource,
  options: SummarizeOptions,
): Promise<DirectoryTotals[] | string> {
  try {
    return await all(source, options);
  } catch (error) {
    if (error instanceof OverlayError) return `${error.code} ${error.path}`;
    throw error;
  }
}

const forms: readonly SummarizeOptions[] = [
  {},
  { depth: 1, ignore: ['times'] },
  { depth: 2, encoding: 'buffer' },
  { depth: 9, include: ['a', 'b/**'], exclude: ['**/c'], threads: 1 },
  { depth: 9, content: 'never', onUnreadable: 'unknown' },
];

/** More names for files of both layers: some of them cross from one directory to another. */
async function addLinks(random: Random, root: Buffer, files: readonly string[]): Promise<void> {
  for (const file of files) {
    for (let more = random.below(3); more > 0; more--) {
      const beside = random.oneIn(2) ? file : random.of([file, ...files]);
      const name = `${beside}-${random.below(20)}`;
      if (!(await lab.exists(at(root, name)))) await lab.link(at(root, file), at(root, name));
    }
  }
}

for (let part = 0; part < 3; part++) {
  test(`random layers, part ${part + 1}`, async (t) => {
    const counts = { lists: 0, errors: 0, changes: 0, directories: 0, bytes: 0 };
    for (let seed = part; seed < 90; seed += 3) {
      const random = new Random(seed);
      const scene = await startScene(t, lab, 2 + random.below(2));
      for (const root of scene.lowers) {
        const layer = randomLayer(random);
        await writeLayer(lab, root, layer);
        const files = layer.filter(({ node }) => node.type === 'file').map(({ path }) => path);
        await addLinks(random, root, files);
      }
      const [upper = scene.root, ...lower] = scene.lowers;
      const sources = [
        { upper, lower, xattrs: own },
        { before: lower[0] ?? upper, after: upper },
      ];
      for (const source of sources) {
        for (const form of forms) {
          const expected = await outcome(source, { ...form, ignorePatterns });
          t.deepEqual(await outcome(source, form), expected, `${seed} ${JSON.stringify(form)}`);
          if (typeof expected === 'string') {
            counts.errors++;
            continue;
          }
          const total = expected.at(-1);
          counts.lists++;
          counts.directories += expected.length;
          counts.changes += (total?.added ?? 0) + (total?.modified ?? 0) + (total?.deleted ?? 0);
          counts.bytes += (total?.addedBytes ?? 0) + (total?.freedBytes ?? 0);
        }
      }
    }
    t.log(JSON.stringify(counts));
    t.true(counts.lists > 200 && counts.changes > 2000 && counts.directories > 600);
    t.true(counts.bytes > 1500);
  });
}

test.serial('no change crosses where nobody needs one', async (t) => {
  using place = new Place('before', 'after');
  writeFileSync(place.at('after/f'), 'x');
  const source = { before: place.at('before'), after: place.at('after') };
  const addon = native();
  const { nextChanges, readSides } = addon;
  let calls = 0;
  addon.nextChanges = (walk) => {
    calls++;
    return nextChanges(walk);
  };
  addon.readSides = (sides, paths) => {
    calls++;
    return readSides(sides, paths);
  };
  try {
    t.is((await all(source, {}))[0]?.added, 1);
    t.is(calls, 0);
    t.is((await all(source, { ignorePatterns }))[0]?.added, 1);
    t.is(calls, 2);
  } finally {
    Object.assign(addon, { nextChanges, readSides });
  }
});

test('the command shows the same whoever counts', async (t) => {
  using place = new Place('before/d', 'after/d');
  writeFileSync(place.at('after/d/f'), 'x');
  writeFileSync(place.at('before/g'), 'xx');
  const layers = ['--before', place.at('before'), '--after', place.at('after')];
  const ask = async (...words: readonly string[]) => {
    const { status, stdout } = await overlayfs(['diff', '--stat', ...layers, ...words]);
    return [status, stdout.toString()];
  };
  for (const form of [[], ['--depth', '1'], ['--json', '--depth', '1']]) {
    const [status, text] = await ask(...form);
    t.is(status, 0);
    t.deepEqual(await ask(...form, '--exit-code'), [3, text]);
    t.deepEqual(await ask(...form, '--exit-code', '--max-added', '1'), [3, text]); // it is judged
    t.deepEqual(await ask(...form, '--ignore-pattern', 'x', '--exit-code'), [3, text]);
  }
  for (const words of [[], ['--ignore-pattern', 'x'], ['--max-added', '1']]) {
    const [status, text] = await ask('--include', 'nothing', '--exit-code', ...words);
    t.is(status, 0);
    t.true(String(text).endsWith('  total\n'), String(text));
  }
});

test('names that are not text, long paths, and sizes beyond all files', async (t) => {
  const scene = await startScene(t, lab, 1);
  const [before, after] = [scene.lowers[0] ?? scene.root, scene.before];
  const odd = Buffer.from('\xff\xfe', 'latin1');
  for (const root of [before, after]) await lab.mkdir(at(root, odd));
  await lab.mkdir(at(after, odd, 'ünder'));
  await lab.write(at(after, odd, 'ünder', 'f'), '1');
  await lab.write(at(after, odd, 'g'), '12');
  await lab.write(at(before, odd, 'g'), '123');
  let deep = after;
  for (let i = 0; i < 30; i++) {
    deep = at(deep, 'd'.repeat(100));
    await lab.mkdir(deep);
    await lab.write(at(deep, 'f'), 'x');
  }
  for (const [i, size] of [2 ** 42, 2 ** 43 + 1, 7].entries()) {
    await lab.write(at(after, `s${i}`), '');
    await lab.truncate(at(after, `s${i}`), size);
  }
  const source = { before, after };
  for (const form of [{}, { depth: 100 }, { depth: 100, encoding: 'buffer' }] as const) {
    const totals = await all(source, form);
    t.deepEqual(totals, await all(source, { ...form, ignorePatterns }));
    t.is(totals.at(-1)?.addedBytes, 2 ** 42 + 2 ** 43 + 1 + 7 + 30 + 1);
  }
});

test('more directories than cross at once', async (t) => {
  using place = new Place('before', 'after');
  const many = 3000;
  for (let i = 0; i < many; i++) {
    mkdirSync(place.at(`after/d${i}`));
    writeFileSync(place.at(`after/d${i}/f`), 'x');
  }
  const source = { before: place.at('before'), after: place.at('after') };
  const totals = await all(source, { depth: 1 });
  t.is(totals.length, many + 1);
  t.deepEqual(totals, await all(source, { depth: 1, ignorePatterns }));
  for await (const { path, added } of summarizeChanges(source, { depth: 1 })) {
    t.deepEqual([path, added], ['d0', 2]);
    break;
  }
  const controller = new AbortController();
  const list = summarizeChanges(source, { depth: 1, signal: controller.signal });
  await list.next();
  controller.abort();
  await t.throwsAsync(async () => void (await list.next()), { name: 'AbortError' });
});

test('what was complete before a failure is given before it', async (t) => {
  const scene = await startScene(t, lab, 1);
  const [lower = scene.root, upper] = [scene.lowers[0], scene.nothing];
  for (const name of ['a', 'b', 'c']) await lab.mkdir(at(upper, name));
  await lab.setXattr(at(upper, 'c'), `${own}.overlay.redirect`, '//');
  for (const form of [{}, { ignorePatterns }]) {
    const paths: string[] = [];
    const source = { upper, lower, xattrs: own };
    await t.throwsAsync(
      async () => {
        for await (const { path } of summarizeChanges(source, { depth: 1, ...form })) {
          paths.push(path);
        }
      },
      { instanceOf: OverlayError },
    );
    t.deepEqual(paths, ['a'], JSON.stringify(form));
  }
});
