// Hard links that a mount with index=on keeps together: a change to one name shows under all of them,
// although the upper has one of them or none.

import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit, Scene } from './helpers/scene.ts';
import { age, at, mountByLab, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

type Paths = (name: string) => Buffer;

/** `a`, `b` and `d/c` are one file, `p` and `e/q` another. */
const groups: Edit = async (_, lower) => {
  await plant({ a: 'linked', d: null, p: 'pair', e: null, single: 'alone' })(lab, lower);
  await lab.link(at(lower, 'a'), at(lower, 'b'));
  await lab.link(at(lower, 'a'), at(lower, 'd/c'));
  await lab.link(at(lower, 'p'), at(lower, 'e/q'));
};

const index = ['index=on'];

const done = (
  title: string,
  edit: (path: Paths, scene: Scene) => Promise<void>,
  expected: readonly string[],
  options: readonly string[] = index,
): Case => ({
  title: `${options.join()}: ${title}`,
  rootOnly: true,
  lowers: [groups],
  options,
  edit: (_, merged, scene) => edit((name) => at(merged, name), scene),
  expected,
});

const group = (line: (name: string) => string): string[] => ['a', 'b', 'd/c'].map(line);

async function remount(scene: Scene, options: readonly string[] = index): Promise<void> {
  await lab.umount(scene.target);
  await mountByLab(scene, options);
}

const changed: readonly Case[] = [
  done(
    'one name is written to',
    (path) => lab.write(path('b'), 'written'),
    group((name) => `M file ${name} [content,times]`),
  ),
  done(
    'chmod of a name',
    (path) => lab.chmod(path('d/c'), 0o600),
    group((name) => `M file ${name} [mode]`),
  ),
  done(
    'chown, and an attribute, by two names',
    async (path) => {
      await lab.chown(path('a'), 1, 2);
      await lab.setXattr(path('b'), 'user.test', 'value');
    },
    group((name) => `M file ${name} [owner,xattrs]`),
  ),
  done(
    'truncated, and the time set back',
    async (path) => {
      await lab.truncate(path('a'), 3);
      await age(lab, path('d/c'));
    },
    group((name) => `M file ${name} [content]`),
  ),
  done('copied up and no different', (path) => lab.openReadWrite(path('e/q')), []),
  done(
    'both groups, the single file too',
    async (path) => {
      await lab.chmod(path('p'), 0o600);
      await lab.chmod(path('b'), 0o600);
      await lab.chmod(path('single'), 0o600);
    },
    [
      'M file a [mode]',
      'M file b [mode]',
      'M file d/c [mode]',
      'M file e/q [mode]',
      'M file p [mode]',
      'M file single [mode]',
    ],
  ),
];

const unlinked: readonly Case[] = [
  done('a name is removed', (path) => lab.unlink(path('b')), [
    'M file a [links]',
    'D file b',
    'M file d/c [links]',
  ]),
  done(
    'the name that was written to is removed: only the index has the file',
    async (path) => {
      await lab.append(path('b'), '!');
      await lab.unlink(path('b'));
    },
    ['M file a [content,times,links]', 'D file b', 'M file d/c [content,times,links]'],
  ),
  done(
    'the same with a pair',
    async (path) => {
      await lab.chmod(path('e/q'), 0o600);
      await lab.unlink(path('e/q'));
    },
    ['D file e/q', 'M file p [mode,links]'],
  ),
  done(
    'every name is removed, of another group but one',
    async (path) => {
      for (const name of ['a', 'b', 'd/c', 'p']) await lab.unlink(path(name));
    },
    ['D file a', 'D file b', 'D file d/c', 'M file e/q [links]', 'D file p'],
  ),
  {
    ...done('the directory that holds a name is removed', (path) => lab.rmtree(path('d')), [
      'M file a [links]',
      'M file b [links]',
      'D directory d',
    ]),
    expanded: ['M file a [links]', 'M file b [links]', 'D directory d', 'D file d/c'],
  },
];

const moved: readonly Case[] = [
  done('a name is renamed', (path) => lab.rename(path('b'), path('e/z')), [
    'M file a [links]',
    'D file b',
    'M file d/c [links]',
    'A file e/z',
  ]),
  done('a name is added', (path) => lab.link(path('d/c'), path('new')), [
    ...group((name) => `M file ${name} [links]`),
    'A file new',
  ]),
  done(
    'a name is added and removed again',
    async (path) => {
      await lab.link(path('p'), path('new'));
      await lab.unlink(path('new'));
    },
    [],
  ),
  done(
    'a name is replaced by a new file',
    async (path) => {
      await lab.write(path('new'), 'linked');
      await age(lab, path('new'));
      await lab.rename(path('new'), path('a'));
    },
    group((name) => `M file ${name} [links]`),
  ),
  done(
    'a name is replaced by the file of the other group',
    async (path) => {
      await lab.unlink(path('b'));
      await lab.link(path('p'), path('b'));
    },
    [
      'M file a [links]',
      'M file b [content,links]',
      'M file d/c [links]',
      'M file e/q [links]',
      'M file p [links]',
    ],
  ),
  done('two names change places', (path) => lab.exchange(path('a'), path('p')), [
    'M file a [content,links]',
    'M file b [links]',
    'M file d/c [links]',
    'M file e/q [links]',
    'M file p [content,links]',
  ]),
  done('a link to a single file', (path) => lab.link(path('single'), path('new')), [
    'A file new',
    'M file single [links]',
  ]),
];

const again: readonly Case[] = [
  done(
    'mounted again, and another name written to',
    async (path, scene) => {
      await lab.chmod(path('a'), 0o600);
      await remount(scene);
      await lab.append(path('d/c'), '!');
      await lab.unlink(path('a'));
    },
    ['D file a', 'M file b [content,mode,times,links]', 'M file d/c [content,mode,times,links]'],
  ),
  done(
    'mounted again, every name of the upper removed',
    async (path, scene) => {
      await lab.append(path('p'), '!');
      await lab.unlink(path('p'));
      await remount(scene);
      await lab.append(path('e/q'), '!');
      await lab.rename(path('e/q'), path('p'));
    },
    ['D file e/q', 'M file p [content,times,links]'],
  ),
  done(
    'mounted again with nfs_export, and the copied name removed',
    async (path, scene) => {
      await lab.chmod(path('d/c'), 0o600);
      await remount(scene, ['index=on', 'nfs_export=on']);
      await lab.unlink(path('d/c'));
    },
    ['M file a [mode,links]', 'M file b [mode,links]', 'D file d/c'],
  ),
];

playAll(test, () => lab, [...changed, ...unlinked, ...moved, ...again]);
