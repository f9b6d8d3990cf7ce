// Hard links of two plain directories: groups are those within each tree, even where the trees share
// inodes, as snapshots by `rsync --link-dest` do.
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { changes } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import type { Scene } from './helpers/scene.ts';
import { at, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

async function listed({ before, target: after }: Scene): Promise<string[]> {
  const lines: string[] = [];
  for await (const { kind, path, aspects } of changes({ before, after })) {
    lines.push(`${kind} ${path} ${aspects.join()}`.trimEnd());
  }
  return lines;
}

type Groups = readonly (readonly string[])[];

/** Equal files, of which those of a group are one. */
async function make(directory: Buffer, groups: Groups): Promise<void> {
  for (const [first = '', ...others] of groups) {
    await plant({ [first]: 'equal' })(lab, directory);
    for (const name of others) await lab.link(at(directory, first), at(directory, name));
  }
}

const inDirectory = plant({ d: null });

async function pair(scene: Scene, before: Groups, after: Groups): Promise<void> {
  for (const path of [scene.before, scene.target]) await inDirectory(lab, path);
  await make(scene.before, before);
  await make(scene.target, after);
}

interface Regrouping {
  readonly title: string;
  readonly before: Groups;
  readonly after: Groups;
  readonly expected: readonly string[];
}

const modified = (...names: readonly string[]): string[] =>
  names.map((name) => `modified ${name} links`);

const regroupings: readonly Regrouping[] = [
  {
    title: 'the same groups',
    before: [['a', 'b', 'd/c'], ['e', 'd/f'], ['g']],
    after: [['a', 'b', 'd/c'], ['e', 'd/f'], ['g']],
    expected: [],
  },
  {
    title: 'a group broken into single files',
    before: [['a', 'b', 'd/c']],
    after: [['a'], ['b'], ['d/c']],
    expected: modified('a', 'b', 'd/c'),
  },
  {
    title: 'a name out of a group',
    before: [['a', 'b', 'd/c']],
    after: [['a', 'd/c'], ['b']],
    expected: modified('a', 'b', 'd/c'),
  },
  {
    title: 'single files joined',
    before: [['a'], ['b'], ['d/c']],
    after: [['a', 'd/c'], ['b']],
    expected: modified('a', 'd/c'),
  },
  {
    title: 'two groups joined',
    before: [
      ['a', 'b'],
      ['d/c', 'd/e'],
    ],
    after: [['a', 'b', 'd/c', 'd/e']],
    expected: modified('a', 'b', 'd/c', 'd/e'),
  },
  {
    title: 'names exchanged between groups of the same size',
    before: [
      ['a', 'b'],
      ['d/c', 'd/e'],
    ],
    after: [
      ['a', 'd/c'],
      ['b', 'd/e'],
    ],
    expected: modified('a', 'b', 'd/c', 'd/e'),
  },
  {
    title: 'a name more, and a name less',
    before: [
      ['a', 'b'],
      ['d/c', 'd/e', 'd/f'],
    ],
    after: [
      ['a', 'b', 'new'],
      ['d/c', 'd/e'],
    ],
    expected: [...modified('a', 'b', 'd/c', 'd/e'), 'deleted d/f', 'added new'],
  },
  {
    title: 'one name of a pair is gone',
    before: [['a', 'b']],
    after: [['a']],
    expected: [...modified('a'), 'deleted b'],
  },
];

for (const { title, before, after, expected } of regroupings) {
  test(`links of two directories: ${title}`, async (t) => {
    const scene = await startScene(t, lab, 1);
    await pair(scene, before, after);
    t.deepEqual(await listed(scene), expected);
    const options = { own, upper: scene.target, indexed: true } as const;
    const oracle = await lab.compare(scene.before, scene.target, options);
    const lines = oracle.map((each) =>
      `${each.kind} ${each.path} ${each.aspects.join()}`.trimEnd(),
    );
    t.deepEqual(lines, expected);
  });
}

test('names in a directory that is gone belonged to the group', async (t) => {
  const scene = await startScene(t, lab, 1);
  await pair(scene, [['a', 'd/c']], [['a']]);
  await lab.rmdir(at(scene.target, 'd'));
  t.deepEqual(await listed(scene), ['modified a links', 'deleted d']);
});

test('a snapshot that shares its unchanged files with the one before', async (t) => {
  const scene = await startScene(t, lab, 1);
  const { before, target: after } = scene;
  await pair(scene, [['a', 'b'], ['d/c', 'd/e'], ['f'], ['g']], []);
  for (const name of ['a', 'b', 'd/c', 'f']) await lab.link(at(before, name), at(after, name));
  await plant({ 'd/e': 'equal', g: 'other' })(lab, after);
  t.deepEqual(await listed(scene), [...modified('d/c', 'd/e'), 'modified g content']);
});

test('one file under other names in the snapshot', async (t) => {
  const scene = await startScene(t, lab, 1);
  const { before, target: after } = scene;
  await pair(scene, [['a'], ['b']], []);
  // Moved, and the same bytes.
  await lab.link(at(before, 'a'), at(after, 'b'));
  await lab.link(at(before, 'b'), at(after, 'a'));
  t.deepEqual(await listed(scene), []);
  await lab.link(at(before, 'a'), at(after, 'c'));
  t.deepEqual(await listed(scene), ['modified b links', 'added c']);
});

test('names outside of the trees do not count', async (t) => {
  const scene = await startScene(t, lab, 1);
  await pair(scene, [['a'], ['b']], [['a'], ['b']]);
  await lab.link(at(scene.before, 'a'), at(scene.root, 'outside'));
  await lab.link(at(scene.target, 'b'), at(scene.root, 'outside, too'));
  t.deepEqual(await listed(scene), []);
});

test('random groups, against the oracle', async (t) => {
  let state = 20_261_122;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % below;
  };
  const names = ['a', 'b', 'c', 'd/a', 'd/b', 'd/c', 'e', 'f'];
  const partition = (): string[][] => {
    const groups = names.map((): string[] => []);
    for (const name of names) if (random(6) > 0) groups[random(4)]?.push(name);
    return groups.filter((group) => group.length > 0);
  };
  for (let round = 0; round < 60; round++) {
    const scene = await startScene(t, lab, 1);
    const [before, after] = [partition(), partition()];
    await pair(scene, before, after);
    const options = { own, upper: scene.target, indexed: true } as const;
    const oracle = await lab.compare(scene.before, scene.target, options);
    const lines = oracle.map((each) =>
      `${each.kind} ${each.path} ${each.aspects.join()}`.trimEnd(),
    );
    const found = await listed(scene);
    if (isDeepStrictEqual(found, lines)) continue;
    t.deepEqual({ before, after, found }, { before, after, found: lines });
  }
  t.pass();
});
