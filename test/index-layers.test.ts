// Hard links under an index: groups that lie in several lowers or reach out of them, directories that
// are renamed, metacopies, and what can be told where the index is not there to ask.
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { changes, OverlayError } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { added } from './helpers/lines.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit, Scene } from './helpers/scene.ts';
import {
  asUser,
  at,
  makeLowers,
  mountByLab,
  mountView,
  plant,
  startScene,
} from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** `a`, `b` and `d/c` are one file. */
const group: Edit = async (_, lower) => {
  await plant({ a: 'linked', d: null, 'd/alone': 'alone' })(lab, lower);
  await lab.link(at(lower, 'a'), at(lower, 'b'));
  await lab.link(at(lower, 'a'), at(lower, 'd/c'));
};

const movedAway = (aspects: string, ...deleted: readonly string[]): string[] => [
  `M file a [${aspects}]`,
  `M file b [${aspects}]`,
  ...deleted,
];
const arrived = added('e', 'alone', 'c');

const layered: readonly Case[] = [
  {
    title: 'index=on: groups of the same names in two lowers, seen in part',
    rootOnly: true,
    lowers: [
      group,
      async (_, lower) => {
        await plant({ b: 'other', e: null })(lab, lower);
        await lab.link(at(lower, 'b'), at(lower, 'e/q'));
      },
    ],
    options: ['index=on'],
    edit: async (_, merged) => {
      await lab.chmod(at(merged, 'd/c'), 0o600);
      await lab.append(at(merged, 'e/q'), '!');
      await lab.unlink(at(merged, 'e/q'));
    },
    expected: [
      'M file a [mode]',
      'M file b [content,times,links]',
      'M file d/c [mode]',
      'D file e/q',
    ],
  },
  {
    title: 'index=on: a lower that such a mount has written, under another one',
    rootOnly: true,
    lowers: [
      group,
      { options: ['index=on'], mounted: (_, merged) => lab.chmod(at(merged, 'b'), 0o600) },
    ],
    options: ['index=on'],
    edit: async (_, merged) => {
      await lab.append(at(merged, 'b'), '!');
      await lab.append(at(merged, 'a'), '?');
    },
    expected: [
      'M file a [content,times]',
      'M file b [content,times]',
      'M file d/c [content,times]',
    ],
  },
  {
    title: 'index=on: a name outside of the tree',
    rootOnly: true,
    lowers: [
      async (_, lower) => {
        await plant({ a: 'linked', b: 'linked' })(lab, lower);
        for (const name of ['a', 'b']) await lab.link(at(lower, name), at(lower, `../${name}`));
        await lab.link(at(lower, 'a'), at(lower, 'c'));
      },
    ],
    options: ['index=on'],
    edit: async (_, merged) => {
      await lab.chmod(at(merged, 'a'), 0o600);
      await lab.chmod(at(merged, 'b'), 0o600);
    },
    expected: ['M file a [mode]', 'M file b [mode]', 'M file c [mode]'],
  },
  {
    title: 'index=on,redirect_dir=on: directories with names are renamed',
    rootOnly: true,
    lowers: [group],
    options: ['index=on', 'redirect_dir=on'],
    edit: async (_, merged) => {
      await lab.append(at(merged, 'd/c'), '!');
      await lab.rename(at(merged, 'd'), at(merged, 'e'));
    },
    expected: [...movedAway('content,times,links', 'D directory d'), ...arrived],
    expanded: [
      ...movedAway('content,times,links', 'D directory d', 'D file d/alone', 'D file d/c'),
      ...arrived,
    ],
  },
  {
    title: 'index=on,redirect_dir=on: a renamed directory, then the name outside of it is changed',
    rootOnly: true,
    lowers: [group],
    options: ['index=on', 'redirect_dir=on'],
    edit: async (_, merged) => {
      await lab.rename(at(merged, 'd'), at(merged, 'e'));
      await lab.chmod(at(merged, 'a'), 0o600);
    },
    expected: [...movedAway('mode,links', 'D directory d'), ...arrived],
    expanded: [
      ...movedAway('mode,links', 'D directory d', 'D file d/alone', 'D file d/c'),
      ...arrived,
    ],
  },
  {
    title: 'index=on,metacopy=on: attributes only, of one name',
    rootOnly: true,
    lowers: [group],
    options: ['index=on', 'metacopy=on'],
    edit: async (_, merged) => {
      await lab.chmod(at(merged, 'b'), 0o600);
      await lab.unlink(at(merged, 'b'));
      await lab.chown(at(merged, 'd/alone'), 1, 1);
    },
    expected: [
      'M file a [mode,links]',
      'D file b',
      'M file d/alone [owner]',
      'M file d/c [mode,links]',
    ],
  },
  {
    title: 'index=on,nfs_export=on: files, directories and hard links',
    rootOnly: true,
    lowers: [group],
    options: ['index=on', 'nfs_export=on'],
    edit: async (_, merged) => {
      await lab.append(at(merged, 'a'), '!');
      await lab.unlink(at(merged, 'a'));
      await lab.unlink(at(merged, 'd/alone'));
      await lab.chmod(at(merged, 'd'), 0o700);
      await lab.mkdir(at(merged, 'd/new'));
    },
    expected: [
      'D file a',
      'M file b [content,times,links]',
      'M directory d [mode]',
      'D file d/alone',
      'M file d/c [content,times,links]',
      'A directory d/new',
    ],
  },
];

playAll(test, () => lab, layered);

const rootTest = asUser ? test.skip : test;

async function indexed(scene: Scene, edit: Edit): Promise<void> {
  await makeLowers(scene, [group]);
  await sleep(20);
  const close = await mountByLab(scene, ['index=on']);
  await edit(lab, scene.target).finally(close);
}

async function lines(source: Parameters<typeof changes>[0]): Promise<string[]> {
  const list: string[] = [];
  for await (const { kind, path, aspects } of changes(source)) {
    list.push(`${kind} ${path} ${aspects.join()}`);
  }
  return list;
}

rootTest('an index that was used has to be named [root only]', async (t) => {
  const scene = await startScene(t, lab, 1);
  await indexed(scene, (_, merged) => lab.chmod(at(merged, 'b'), 0o600));
  const { upper, lowers: lower, work } = scene;
  const error = await t.throwsAsync(lines({ upper, lower }), { instanceOf: OverlayError });
  t.like(error, { code: 'ENOTSUP', path: upper.toString() });
  t.regex(`${(error as OverlayError).hint}`, /name the work directory with `work`/);
  t.deepEqual(
    await lines({ upper, lower, work }),
    ['a', 'b', 'd/c'].map((name) => `modified ${name} mode`),
  );
});

rootTest('without the index the names in the upper have to do [root only]', async (t) => {
  const scene = await startScene(t, lab, 1);
  await indexed(scene, async (_, merged) => {
    await lab.chmod(at(merged, 'd/c'), 0o600);
    await lab.unlink(at(merged, 'a'));
  });
  const { upper, lowers: lower, work } = scene;
  const all = ['deleted a ', 'modified b mode,links', 'modified d/c mode,links'];
  t.deepEqual(await lines({ upper, lower, work }), all);
  // An empty one: nothing in it tells of an index.
  t.deepEqual(await lines({ upper, lower, work: scene.nothing }), all);
  const close = await mountByLab(scene, ['index=on']);
  await lab.unlink(at(scene.target, 'd/c')).finally(close);
  t.deepEqual(await lines({ upper, lower, work }), [
    'deleted a ',
    'modified b mode,links',
    'deleted d/c ',
  ]);
  t.deepEqual(await lines({ upper, lower, work: scene.nothing }), ['deleted a ', 'deleted d/c ']);
});

rootTest('mounted without its index the upper is read without one [root only]', async (t) => {
  const scene = await startScene(t, lab, 1);
  await indexed(scene, (_, merged) => lab.append(at(merged, 'b'), '!'));
  t.teardown(await mountView(scene, []));
  const close = await mountByLab(scene, ['index=off']);
  t.teardown(close);
  const shown = ['modified b content,times,links'];
  t.deepEqual(await lines(scene.target), shown);
  const oracle = await lab.compare(scene.before, scene.target, {
    own: 'trusted',
    upper: scene.upper,
  });
  t.deepEqual(
    oracle.map(({ kind, path, aspects }) => `${kind} ${path} ${aspects.join()}`),
    shown,
  );
});
