// Where a renamed file or directory came from, as the upper records it.
import test from 'ava';
import type { Change } from 'overlayfs';
import { changes } from 'overlayfs';
import { objects, overlayfs } from './helpers/command.ts';
import { Lab } from './helpers/lab.ts';
import type { Edit } from './helpers/scene.ts';
import {
  age,
  asUser,
  at,
  makeLowers,
  mountByLab,
  own,
  plant,
  startScene,
} from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const lower: Edit = async (_, directory) => {
  await plant({
    file: 'content',
    other: 'other',
    'a/deep/x': 'ax',
    'a/deep/y': 'ay',
    'a/z': 'az',
    'b/w': 'bw',
    link: { link: 'target' },
  })(lab, directory);
  await lab.fifo(at(directory, 'fifo'));
};

type Paths = (name: string) => Buffer;

interface Renaming {
  readonly title: string;
  readonly edit: (path: Paths) => Promise<void>;
  /** `new < old`, in the order of the list. */
  readonly expected: readonly string[];
  /** With `expand`, where it is not the same. */
  readonly expanded?: readonly string[];
}

const renamedOnly = (list: readonly Change[]): string[] =>
  list
    .filter(({ renamedFrom }) => renamedFrom !== undefined)
    .map(({ path, renamedFrom }) => `${path} < ${renamedFrom}`);

async function everything(
  source: Parameters<typeof changes>[0],
  expand = false,
): Promise<Change[]> {
  const list: Change[] = [];
  for await (const change of changes(source, { expand })) list.push(change);
  return list;
}

const files: readonly Renaming[] = [
  {
    title: 'in its directory',
    edit: (path) => lab.rename(path('file'), path('renamed')),
    expected: ['renamed < file'],
  },
  {
    title: 'into another directory, and one out of it',
    edit: async (path) => {
      await lab.rename(path('file'), path('a/deep/file'));
      await lab.rename(path('a/deep/x'), path('x'));
    },
    expected: ['a/deep/file < file', 'x < a/deep/x'],
  },
  {
    title: 'over a file that was there',
    edit: (path) => lab.rename(path('file'), path('b/w')),
    expected: ['b/w < file'],
  },
  {
    title: 'over an equal file',
    edit: async (path) => {
      await lab.rename(path('a/deep/x'), path('a/deep/y'));
      await lab.write(path('a/deep/y'), 'ay');
      await age(lab, path('a/deep/y'));
    },
    expected: [],
  },
  {
    title: 'two that change places',
    edit: (path) => lab.exchange(path('file'), path('b/w')),
    expected: ['b/w < file', 'file < b/w'],
  },
  {
    title: 'three that go round',
    edit: async (path) => {
      await lab.exchange(path('file'), path('b/w'));
      await lab.exchange(path('file'), path('a/z'));
    },
    expected: ['a/z < b/w', 'b/w < file', 'file < a/z'],
  },
  {
    title: 'twice',
    edit: async (path) => {
      await lab.rename(path('file'), path('a/one'));
      await lab.rename(path('a/one'), path('b/two'));
    },
    expected: ['b/two < file'],
  },
  {
    title: 'before and after a modification',
    edit: async (path) => {
      await lab.append(path('file'), '!');
      await lab.rename(path('file'), path('renamed'));
      await lab.rename(path('other'), path('again'));
      await lab.write(path('again'), 'something else');
      await lab.chmod(path('again'), 0o600);
    },
    expected: ['again < other', 'renamed < file'],
  },
  {
    title: 'symbolic links and fifos',
    edit: async (path) => {
      await lab.rename(path('link'), path('a/link'));
      await lab.rename(path('fifo'), path('pipe'));
    },
    expected: ['a/link < link', 'pipe < fifo'],
  },
  {
    title: 'a file over a symbolic link',
    edit: (path) => lab.rename(path('file'), path('link')),
    expected: ['link < file'],
  },
  {
    title: 'away, and another file in its place',
    edit: async (path) => {
      await lab.rename(path('file'), path('renamed'));
      await lab.write(path('file'), 'new');
    },
    expected: ['renamed < file'],
  },
  {
    title: 'into a new directory, the old one removed',
    edit: async (path) => {
      await lab.mkdir(path('new'));
      await lab.rename(path('a/z'), path('new/z'));
      await lab.rmtree(path('a'));
    },
    // The old path is not in the list, only the directory that was above it.
    expected: [],
    expanded: ['new/z < a/z'],
  },
];

const none: readonly Renaming[] = [
  {
    title: 'a new file, as editors write one',
    edit: async (path) => {
      await lab.write(path('file.tmp'), 'new');
      await lab.rename(path('file.tmp'), path('file'));
      await lab.write(path('new'), 'new');
      await lab.rename(path('new'), path('b/new'));
    },
    expected: [],
  },
  {
    title: 'moved away and back',
    edit: async (path) => {
      await lab.rename(path('file'), path('b/file'));
      await lab.append(path('b/file'), '!');
      await lab.rename(path('b/file'), path('file'));
    },
    expected: [],
  },
];

const hardLinked: Renaming = {
  title: 'a name of a hard link, which no index keeps',
  edit: (path) => lab.rename(path('a/linked'), path('moved')),
  expected: [],
};

for (const { title, edit, expected, expanded = expected } of [...files, ...none, hardLinked]) {
  test(`renamed files: ${title}`, async (t) => {
    const scene = await startScene(t, lab, 2);
    const linked: Edit = async (_, layer) => {
      await plant({ 'a/linked': 'linked' })(lab, layer);
      await lab.link(at(layer, 'a/linked'), at(layer, 'b-linked'));
    };
    await makeLowers(scene, [lower, linked]);
    const close = await mountByLab(scene);
    t.teardown(close);
    await edit((name) => at(scene.target, name));
    // A user's copy-up leaves an origin that is empty.
    const shown = asUser ? [] : expected;
    t.deepEqual(renamedOnly(await everything(scene.target)), shown);
    await close();
    const { upper, lowers } = scene;
    const layers = await everything({ upper, lower: lowers, xattrs: own });
    t.deepEqual(renamedOnly(layers), shown);
    for (const { renamedFromBytes } of layers) t.is(renamedFromBytes, undefined);
    const all = await everything({ upper, lower: lowers, xattrs: own }, true);
    t.deepEqual(renamedOnly(all), asUser ? [] : expanded);
  });
}

test('the command says it for people and for programs', async (t) => {
  const scene = await startScene(t, lab, 1);
  const strange = Buffer.from('f\xff\n', 'latin1');
  await makeLowers(scene, [
    async (_, layer) => {
      await plant({ file: 'content' })(lab, layer);
      await lab.write(at(layer, strange), 'strange');
    },
  ]);
  const close = await mountByLab(scene);
  await lab.rename(at(scene.target, 'file'), at(scene.target, 'renamed'));
  await lab.rename(at(scene.target, strange), at(scene.target, 'plain'));
  await close();
  const args = ['--upper', `${scene.upper}`, '--lower', `${scene.lowers[0]}`];
  const space = asUser ? ['--userxattr'] : [];
  const said = await overlayfs(['diff', ...space, ...args]);
  const from = (name: string): string => (asUser ? '' : `  (from ${name})`);
  t.is(
    said.stdout.toString(),
    `D  file\nD  f\\xff\\n\nA  plain${from('f\\xff\\n')}\nA  renamed${from('file')}\n`,
  );
  const json = objects((await overlayfs(['diff', '--json', ...space, ...args])).stdout);
  t.deepEqual(
    json.map(({ path, renamedFrom, renamedFromBase64 }) => [path, renamedFrom, renamedFromBase64]),
    [
      ['file', undefined, undefined],
      ['f\ufffd\n', undefined, undefined],
      ['plain', asUser ? undefined : 'f\ufffd\n', asUser ? undefined : strange.toString('base64')],
      ['renamed', asUser ? undefined : 'file', undefined],
    ],
  );
});
