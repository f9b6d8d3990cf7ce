// Where renamed directories came from: their redirects say it, relative or from the root, and of
// metacopies as well.
import test from 'ava';
import type { Change } from 'overlayfs';
import { changes } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { asUser, at, makeLowers, mountByLab, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const lower = plant({
  'a/deep/x': 'ax',
  'a/deep/y': 'ay',
  'a/z': 'az',
  'b/deep/x': 'bx',
  'b/w': 'bw',
  file: 'content',
  gone: 'there',
});

interface Renaming {
  readonly title: string;
  readonly edit: (path: (name: string) => Buffer) => Promise<void>;
  readonly options?: readonly string[];
  readonly expected: readonly string[];
}

const directories: readonly Renaming[] = [
  {
    title: 'in its directory (a relative redirect)',
    edit: (path) => lab.rename(path('a/deep'), path('a/deeper')),
    expected: ['a/deeper < a/deep'],
  },
  {
    title: 'into another one (an absolute redirect)',
    edit: (path) => lab.rename(path('a/deep'), path('b/moved')),
    expected: ['b/moved < a/deep'],
  },
  {
    title: 'a renamed one inside a renamed one',
    edit: async (path) => {
      await lab.rename(path('a'), path('c'));
      await lab.rename(path('c/deep'), path('c/deeper'));
    },
    expected: ['c < a', 'c/deeper < a/deep'],
  },
  {
    title: 'the inner first, then the outer',
    edit: async (path) => {
      await lab.rename(path('a/deep'), path('a/deeper'));
      await lab.rename(path('a'), path('b/c'));
    },
    expected: ['b/c < a', 'b/c/deeper < a/deep'],
  },
  {
    title: 'then changed inside',
    edit: async (path) => {
      await lab.rename(path('a'), path('c'));
      await lab.append(path('c/z'), '!');
      await lab.rename(path('c/deep/x'), path('c/deep/renamed'));
      await lab.rename(path('c/deep/y'), path('y'));
      await lab.write(path('c/new'), 'new');
    },
    // `c/z` moved with its directory.
    expected: ['c < a', 'c/deep/renamed < a/deep/x', 'y < a/deep/y'],
  },
  {
    title: 'over a whiteout',
    edit: async (path) => {
      await lab.unlink(path('gone'));
      await lab.rename(path('a'), path('gone'));
    },
    expected: ['gone < a'],
  },
  {
    title: 'two that change places',
    edit: (path) => lab.exchange(path('a/deep'), path('b/deep')),
    expected: [],
  },
  {
    title: 'away and back',
    edit: async (path) => {
      await lab.rename(path('a'), path('c'));
      await lab.rename(path('c'), path('a'));
    },
    expected: [],
  },
  {
    title: 'a new one is not from anywhere',
    edit: async (path) => {
      await lab.mkdir(path('new'));
      await lab.rename(path('new'), path('b/new'));
    },
    expected: [],
  },
  {
    title: 'metacopies',
    options: ['metacopy=on'],
    edit: async (path) => {
      await lab.chmod(path('file'), 0o600);
      await lab.rename(path('file'), path('b/renamed'));
      await lab.chmod(path('a/z'), 0o600);
      await lab.rename(path('a/z'), path('a/y'));
      await lab.exchange(path('a/deep/x'), path('b/w'));
    },
    expected: ['a/deep/x < b/w', 'a/y < a/z', 'b/renamed < file', 'b/w < a/deep/x'],
  },
  {
    title: 'a metacopy in a renamed directory, and out of it',
    options: ['metacopy=on'],
    edit: async (path) => {
      await lab.rename(path('a'), path('c'));
      await lab.chmod(path('c/deep/x'), 0o600);
      await lab.chmod(path('c/z'), 0o600);
      await lab.rename(path('c/z'), path('z'));
      await lab.rename(path('c/deep/x'), path('c/deep/w'));
    },
    expected: ['c < a', 'c/deep/w < a/deep/x', 'z < a/z'],
  },
];

const latin = ({ path, pathBytes, renamedFrom, renamedFromBytes }: Change): string =>
  `${pathBytes?.toString('latin1') ?? path} < ${renamedFromBytes?.toString('latin1') ?? renamedFrom}`;

async function renamings(
  source: Parameters<typeof changes>[0],
  encoding: 'utf8' | 'buffer' = 'utf8',
): Promise<string[]> {
  const list: string[] = [];
  for await (const change of changes(source, { encoding, expand: true })) {
    if (change.renamedFrom !== undefined) list.push(latin(change));
  }
  return list;
}

const rootTest = asUser ? test.skip : test;

for (const { title, edit, expected, options = ['redirect_dir=on'] } of directories) {
  rootTest(`renamed directories: ${title} [root only]`, async (t) => {
    const scene = await startScene(t, lab, 1);
    await makeLowers(scene, [lower]);
    const close = await mountByLab(scene, options);
    t.teardown(close);
    await edit((name) => at(scene.target, name));
    t.deepEqual(await renamings(scene.target), expected);
    await close();
    const { upper, lowers } = scene;
    t.deepEqual(await renamings({ upper, lower: lowers }), expected);
    t.deepEqual(await renamings({ upper, lower: lowers }, 'buffer'), expected);
  });
}

rootTest('names that are no UTF-8 [root only]', async (t) => {
  const scene = await startScene(t, lab, 1);
  const name = Buffer.from('d\xff', 'latin1');
  await makeLowers(scene, [
    async (_, layer) => {
      await lab.mkdir(at(layer, name));
      await lab.write(at(layer, name, 'x'), 'x');
      await lab.write(at(layer, name, name), 'y');
    },
  ]);
  const close = await mountByLab(scene, ['redirect_dir=on']);
  t.teardown(close);
  await lab.rename(at(scene.target, name), at(scene.target, 'plain'));
  await lab.rename(at(scene.target, 'plain', name), at(scene.target, 'file'));
  t.deepEqual(await renamings(scene.target), ['file < d\xff/d\xff', 'plain < d\xff']);
  for await (const change of changes(scene.target)) {
    if (change.path === 'plain') {
      t.is(change.renamedFrom, 'd\ufffd');
      t.deepEqual(change.renamedFromBytes, name);
    }
  }
});
