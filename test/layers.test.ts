// Stacks of lowers: which layer wins, what hides what, and what an upper says about that.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { Case } from './helpers/scenario.ts';
import { play, playAll } from './helpers/scenario.ts';
import type { Edit, Layer } from './helpers/scene.ts';
import { age, at, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const nothing: Edit = async () => undefined;

const few: readonly Case[] = [
  { title: 'an empty lower, and nothing done', edit: nothing, expected: [] },
  { title: 'ten empty lowers', lowers: Array(10).fill(nothing), edit: nothing, expected: [] },
  {
    title: 'something new over an empty lower',
    edit: plant({ 'a/b/c': 'new', d: { link: 'a' } }),
    expected: ['A directory a', 'A directory a/b', 'A file a/b/c', 'A symlink d'],
  },
  {
    title: 'a lower, and nothing done',
    lowers: [plant({ 'a/b/c': 'there', d: { link: 'a' } })],
    edit: nothing,
    expected: [],
  },
  {
    title: 'everything is deleted',
    lowers: [plant({ 'a/b/c': 'there', d: { link: 'a' } })],
    edit: async (_, merged) => {
      await lab.rmtree(at(merged, 'a'));
      await lab.unlink(at(merged, 'd'));
    },
    expected: ['D directory a', 'D symlink d'],
    expanded: ['D directory a', 'D directory a/b', 'D file a/b/c', 'D symlink d'],
  },
  {
    title: 'the root itself',
    lowers: [plant({ a: 'there' })],
    edit: async (_, merged) => {
      await lab.chmod(merged, 0o700);
      await lab.setXattr(merged, 'user.test', 'root');
    },
    expected: ['M directory . [mode,xattrs]'],
  },
];

/** A layer with a file of its own, and one and a directory that every layer has. */
const numbered = (_: undefined, i: number): Layer =>
  plant({ shared: `layer ${i}`, [`own-${i}`]: `${i}`, [`d/own-${i}`]: `${i}`, 'd/shared': `${i}` });

for (const count of [1, 2, 10]) {
  test(`the top-most of ${count} lowers wins`, async (t) => {
    const top = count - 1;
    const lines = await play(t, lab, {
      lowers: Array.from({ length: count }, numbered),
      edit: async (_, merged) => {
        t.is((await lab.read(at(merged, 'shared'))).toString(), `layer ${top}`);
        t.is((await lab.list(at(merged, 'd'))).length, count + 1);
        // What a layer further down has is nothing new.
        await lab.write(at(merged, 'shared'), `layer ${top}`);
        await age(lab, at(merged, 'shared'));
        await lab.write(at(merged, 'd/shared'), '?');
        await age(lab, at(merged, 'd/shared'));
        await lab.unlink(at(merged, `d/own-${top}`));
        await lab.append(at(merged, 'own-0'), ' and more');
      },
    });
    t.deepEqual(lines.plain, [
      `D file d/own-${top}`,
      'M file d/shared [content]',
      'M file own-0 [content,times]',
    ]);
  });
}

/** Hides with a whiteout, with an opaque directory, and with a whiteout inside a directory. */
const hiding: readonly Layer[] = [
  plant({ gone: '1', 'd/x': '1', 'd/y': '1', 'e/f/x': '1', 'e/g': '1', kept: '1', 'h/i': '1' }),
  {
    mounted: async (_, merged) => {
      await lab.unlink(at(merged, 'gone'));
      await lab.rmtree(at(merged, 'd'));
      await plant({ 'd/z': '2' })(lab, merged);
      await lab.rmtree(at(merged, 'e/f'));
      await lab.rmtree(at(merged, 'h'));
    },
  },
  plant({ top: '3', 'd/top': '3', 'e/top': '3' }),
];

const middle: readonly Case[] = [
  {
    title: 'a middle layer hides, and nothing is done',
    lowers: hiding,
    edit: async (_, merged) => {
      const names = async (name: string): Promise<string> =>
        (await lab.list(at(merged, name))).join();
      if ((await names('d')) !== 'top,z') throw new Error('the directory is not opaque');
    },
    expected: [],
  },
  {
    title: 'what a middle layer hides is there again',
    lowers: hiding,
    edit: plant({ gone: '1', 'd/x': '1', 'e/f/x': '1', 'h/i': '1' }),
    expected: [
      'A file d/x',
      'A directory e/f',
      'A file e/f/x',
      'A file gone',
      'A directory h',
      'A file h/i',
    ],
  },
  {
    title: 'what lies over an opaque directory of a middle layer is deleted',
    lowers: hiding,
    edit: (_, merged) => lab.rmtree(at(merged, 'd')),
    expected: ['D directory d'],
    expanded: ['D directory d', 'D file d/top', 'D file d/z'],
  },
  {
    title: 'an opaque directory of a middle layer is replaced by an opaque one of the upper',
    lowers: hiding,
    edit: async (_, merged) => {
      await lab.rmtree(at(merged, 'd'));
      await plant({ 'd/x': '1', 'd/z': '2' })(lab, merged);
    },
    expected: ['D file d/top', 'A file d/x'],
  },
  {
    title: 'a whiteout over a whiteout of a middle layer',
    lowers: hiding,
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await lab.whiteout(at(upper, 'gone'));
      await lab.mkdir(at(upper, 'e'));
      await lab.whiteout(at(upper, 'e/f'));
    },
    edit: nothing,
    expected: [],
  },
];

const mixed: readonly Layer[] = [
  plant({ 'a/bottom': '1', b: '1', 'c/bottom': '1' }),
  plant({ a: '2', 'b/middle': '2', 'c/middle': '2' }),
  plant({ 'a/top': '3', b: '3', c: { link: 'b' } }),
];

const types: readonly Case[] = [
  {
    title: 'directory over file over directory: the bottom-most is not reached',
    lowers: mixed,
    edit: async (_, merged) => {
      if (await lab.exists(at(merged, 'a/bottom'))) throw new Error('it is');
      await plant({ 'a/bottom': '1' })(lab, merged);
      await lab.unlink(at(merged, 'a/top'));
    },
    expected: ['A file a/bottom', 'D file a/top'],
  },
  {
    title: 'file over directory over file: replaced by a directory',
    lowers: mixed,
    edit: async (_, merged) => {
      await lab.unlink(at(merged, 'b'));
      await plant({ 'b/middle': '2' })(lab, merged);
    },
    expected: ['M file>directory b [type]', 'A file b/middle'],
  },
  {
    title: 'symlink over two directories: replaced by a directory, and by a file',
    lowers: mixed,
    edit: async (_, merged) => {
      await lab.unlink(at(merged, 'c'));
      await lab.mkdir(at(merged, 'c'));
      await lab.rmtree(at(merged, 'a'));
      await lab.write(at(merged, 'a'), '2');
    },
    expected: ['M directory>file a [type]', 'M symlink>directory c [type]'],
    expanded: ['M directory>file a [type]', 'D file a/top', 'M symlink>directory c [type]'],
  },
];

const stale: readonly Case[] = [
  {
    title: 'a whiteout that never hid anything',
    lowers: [plant({ 'd/x': '1' })],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await lab.whiteout(at(upper, 'ghost'));
      await lab.mkdir(at(upper, 'd'));
      await lab.whiteout(at(upper, 'd/ghost'));
      await lab.mkdir(at(upper, 'new'));
      await lab.whiteout(at(upper, 'new/ghost'));
    },
    edit: nothing,
    expected: ['A directory new'],
  },
  {
    title: 'a whiteout whose file has gone from the lower, and one whose file is another',
    lowers: [plant({ gone: '1', 'd/gone': '1', 'e/x': '1', other: '1' })],
    prepare: async ({ upper, lowers: [lower = ''] }) => {
      await lab.mkdir(upper);
      for (const name of ['gone', 'd', 'e', 'other']) await lab.whiteout(at(upper, name));
      await lab.unlink(at(lower, 'gone'));
      await lab.rmtree(at(lower, 'd'));
      await lab.unlink(at(lower, 'other'));
      await plant({ 'other/x': 'another' })(lab, Buffer.from(lower));
    },
    edit: nothing,
    expected: ['D directory e', 'D directory other'],
    expanded: ['D directory e', 'D file e/x', 'D directory other', 'D file other/x'],
  },
  {
    title: 'files that came into the lower under an upper that is older',
    lowers: [nothing],
    prepare: async ({ upper, lowers: [lower = ''] }) => {
      await lab.mkdir(upper);
      await plant({ same: '1', other: '1', 'd/x': '1', 'e/x': '1' })(lab, upper);
      await plant({ same: '1', other: '2', d: '2', 'e/y': '2' })(lab, Buffer.from(lower));
    },
    edit: nothing,
    expected: ['M file>directory d [type]', 'A file d/x', 'A file e/x', 'M file other [content]'],
  },
];

playAll(test, () => lab, [...few, ...middle, ...types, ...stale]);
