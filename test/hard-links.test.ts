// Groups of hard links, and what the `ignore` option leaves out. Without an index a copy-up takes one
// name out of its group.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit } from './helpers/scene.ts';
import { age, at, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** `a`, `b` and `d/c` are one file. */
const group: Edit = async (_, lower) => {
  await plant({ a: 'linked', d: null, single: 'alone' })(lab, lower);
  await lab.link(at(lower, 'a'), at(lower, 'b'));
  await lab.link(at(lower, 'a'), at(lower, 'd/c'));
};

const done = (
  title: string,
  edit: (path: (name: string) => Buffer) => Promise<void>,
  expected: readonly string[],
): Case => ({
  title,
  lowers: [group],
  edit: (_, merged) => edit((name) => at(merged, name)),
  expected,
});

const fresh: readonly Case[] = [
  done('a link to a file of the lower', (path) => lab.link(path('single'), path('d/link')), [
    'A file d/link',
    'M file single [links]',
  ]),
  done(
    'a link to a file of the lower, made and removed',
    async (path) => {
      await lab.link(path('single'), path('link'));
      await lab.unlink(path('link'));
    },
    [],
  ),
  done(
    'new files that are links of each other',
    async (path) => {
      await lab.write(path('x'), 'new');
      await lab.link(path('x'), path('d/y'));
    },
    ['A file d/y', 'A file x'],
  ),
  done(
    'a file of the lower moved away, and a link left in its place',
    async (path) => {
      await lab.rename(path('single'), path('moved'));
      await lab.link(path('moved'), path('single'));
    },
    ['A file moved', 'M file single [links]'],
  ),
  done(
    'links of symbolic links and fifos',
    async (path) => {
      await lab.symlink('x', path('s1'));
      await lab.link(path('s1'), path('s2'));
      await lab.fifo(path('f1'));
      await lab.link(path('f1'), path('d/f2'));
    },
    ['A fifo d/f2', 'A fifo f1', 'A symlink s1', 'A symlink s2'],
  ),
];

const broken: readonly Case[] = [
  done('a group broken by writing to one name', (path) => lab.write(path('b'), 'written'), [
    'M file b [content,times,links]',
  ]),
  done('a group broken by opening one name', (path) => lab.openReadWrite(path('d/c')), [
    'M file d/c [links]',
  ]),
  done(
    'a group whose names are copied one by one',
    async (path) => {
      for (const name of ['a', 'b', 'd/c']) await lab.chmod(path(name), 0o600);
    },
    ['M file a [mode,links]', 'M file b [mode,links]', 'M file d/c [mode,links]'],
  ),
  done('a name removed from a group', (path) => lab.unlink(path('b')), ['D file b']),
  done(
    'a name renamed out of a group, and another added to it',
    async (path) => {
      await lab.rename(path('b'), path('e'));
      await lab.link(path('d/c'), path('f'));
    },
    ['D file b', 'M file d/c [links]', 'A file e', 'A file f'],
  ),
  done(
    'a whole group deleted, and made again as it was',
    async (path) => {
      for (const name of ['a', 'b', 'd/c']) await lab.unlink(path(name));
      await plant({ 'd/c': 'linked' })(lab, path('.'));
      await lab.link(path('d/c'), path('a'));
      await lab.link(path('a'), path('b'));
    },
    [],
  ),
  done(
    'a whole group made again, with a name more',
    async (path) => {
      for (const name of ['b', 'd/c', 'z']) {
        if (name !== 'z') await lab.unlink(path(name));
        await lab.link(path('a'), path(name));
      }
    },
    ['M file a [links]', 'M file b [links]', 'M file d/c [links]', 'A file z'],
  ),
  done(
    'a whole group made again, with a file that was alone',
    async (path) => {
      await lab.unlink(path('b'));
      await lab.link(path('a'), path('b'));
      await lab.unlink(path('single'));
      await lab.link(path('a'), path('single'));
    },
    ['M file a [links]', 'M file b [links]', 'M file single [content,links]'],
  ),
];

/** Groups that reach out of their layer, or that a layer between shows in part only. */
const partial: readonly Case[] = [
  {
    title: 'links that lie outside of the layers',
    lowers: [
      async (_, lower) => {
        await plant({ a: 'linked', b: 'alone', c: 'touched' })(lab, lower);
        await lab.link(at(lower, 'a'), at(lower, '../a'));
      },
    ],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      // As in a store whose equal files are one.
      await plant({ b: 'alone', new: 'new' })(lab, upper);
      await lab.link(at(upper, 'b'), at(upper, '../b'));
      await lab.link(at(upper, 'new'), at(upper, '../new'));
    },
    edit: async (_, merged) => {
      await lab.openReadWrite(at(merged, 'a'));
      await lab.openReadWrite(at(merged, 'c'));
    },
    // The copy of `a` has left a group, though nobody can see the rest of it.
    expected: ['M file a [links]', 'A file new'],
  },
  {
    title: 'a group of which a layer between hides a name',
    lowers: [group, { mounted: (_, merged) => lab.unlink(at(merged, 'b')) }],
    edit: async (_, merged) => {
      for (const name of ['a', 'd/c']) await lab.unlink(at(merged, name));
      await plant({ a: 'linked', b: 'linked' })(lab, merged);
      await lab.link(at(merged, 'a'), at(merged, 'd/c'));
    },
    expected: ['M file a [links]', 'A file b', 'M file d/c [links]'],
  },
  {
    title: 'two groups exchange their names, one by one',
    lowers: [
      async (_, lower) => {
        await plant({ a: 'same', b: 'same' })(lab, lower);
        await lab.link(at(lower, 'a'), at(lower, 'c'));
        await lab.link(at(lower, 'b'), at(lower, 'd'));
      },
    ],
    edit: async (_, merged) => {
      for (const name of ['b', 'c']) await lab.unlink(at(merged, name));
      await lab.link(at(merged, 'a'), at(merged, 'b'));
      await lab.link(at(merged, 'd'), at(merged, 'c'));
    },
    expected: ['a', 'b', 'c', 'd'].map((name) => `M file ${name} [links]`),
  },
  {
    title: 'links of symbolic links and fifos of the lower',
    lowers: [
      async (_, lower) => {
        await plant({ s1: { link: 'x' } })(lab, lower);
        await lab.fifo(at(lower, 'f1'));
        for (const name of ['s', 'f']) {
          await lab.link(at(lower, `${name}1`), at(lower, `${name}2`));
        }
      },
    ],
    edit: async (_, merged) => {
      await lab.utimens(at(merged, 's2'), 0n, 1n);
      await lab.chmod(at(merged, 'f1'), 0o600);
    },
    expected: ['M fifo f1 [mode,links]', 'M symlink s2 [times,links]'],
  },
];

const ignoring: readonly Case[] = [
  {
    title: "ignore: ['links']",
    lowers: [group],
    ignore: ['links'],
    edit: async (_, merged) => {
      await lab.openReadWrite(at(merged, 'a'));
      await lab.chmod(at(merged, 'b'), 0o600);
      await lab.link(at(merged, 'single'), at(merged, 'more'));
    },
    expected: ['M file b [mode]', 'A file more'],
  },
  {
    title: "ignore: ['times']",
    lowers: [group],
    ignore: ['times'],
    edit: async (_, merged) => {
      await lab.utimens(at(merged, 'single'), 0n, 1n);
      await lab.write(at(merged, 'b'), 'linked');
    },
    expected: ['M file b [links]'],
  },
  {
    title: "ignore: ['content', 'times', 'links'], though the type is still looked at",
    lowers: [group],
    ignore: ['content', 'times', 'links'],
    edit: async (_, merged) => {
      await lab.write(at(merged, 'single'), 'Alone');
      await lab.append(at(merged, 'a'), ' and longer');
      await lab.unlink(at(merged, 'b'));
      await lab.fifo(at(merged, 'b'));
    },
    expected: ['M file>fifo b [type]'],
  },
  {
    title: "ignore: ['type', 'mode', 'owner', 'xattrs', 'target']",
    lowers: [async (_, lower) => await plant({ a: '1', b: '1', s: { link: 'a' } })(lab, lower)],
    ignore: ['type', 'mode', 'owner', 'xattrs', 'target'],
    edit: async (_, merged) => {
      await lab.chmod(at(merged, 'a'), 0o600);
      await lab.setXattr(at(merged, 'a'), 'user.test', '');
      await lab.unlink(at(merged, 's'));
      await lab.symlink('b', at(merged, 's'));
      await age(lab, at(merged, 's'));
    },
    expected: [],
  },
];

playAll(test, () => lab, [...fresh, ...broken, ...partial, ...ignoring]);
