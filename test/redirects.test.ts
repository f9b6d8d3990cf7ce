// Uppers and lowers that mounts with redirect_dir=on have written.
import test from 'ava';
import { changes } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { added, deleted } from './helpers/lines.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import { asUser, at, mountByLab, plant, startScene } from './helpers/scene.ts';

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

const deletedA = deleted('a', 'deep/', 'deep/x', 'deep/y', 'z');

type Paths = (name: string) => Buffer;

const redirected = (
  title: string,
  edit: (path: Paths) => Promise<void>,
  expected: readonly string[],
  expanded: readonly string[] = expected,
): Case => ({
  title: `redirect_dir=on: ${title}`,
  rootOnly: true,
  lowers: [lower],
  options: ['redirect_dir=on'],
  edit: (_, merged) => edit((name) => at(merged, name)),
  expected,
  expanded,
});

const movedIntoB = added('b/c', 'deep/', 'deep/new', 'deep/x', 'deep/y');
const swapped = [
  'M file a/deep/x [content]',
  'D file a/deep/y',
  'A file a/w',
  'D file a/z',
  'M file b/deep/x [content]',
  'A file b/deep/y',
  'D file b/w',
  'A file b/z',
];
const overWhiteouts = [
  'D file b/w',
  'A file b/z',
  'M file>directory gone [type]',
  'A file gone/x',
  'A file gone/y',
];
const insideOut = [...added('c', 'deep/', 'deep/x', 'z'), ...added('deep', 'x', 'y')];

const redirects: readonly Case[] = [
  redirected(
    'a directory is renamed',
    (path) => lab.rename(path('a'), path('c')),
    ['D directory a', ...added('c', 'deep/', 'deep/x', 'deep/y', 'z')],
    [...deletedA, ...added('c', 'deep/', 'deep/x', 'deep/y', 'z')],
  ),
  redirected(
    'renamed, a child changed, one deleted, one added, renamed again into another',
    async (path) => {
      await lab.rename(path('a'), path('c'));
      await lab.append(path('c/deep/x'), '!');
      await lab.unlink(path('c/z'));
      await plant({ 'c/deep/new': 'new' })(lab, path('.'));
      await lab.rename(path('c'), path('b/c'));
    },
    ['D directory a', ...movedIntoB],
    [...deletedA, ...movedIntoB],
  ),
  redirected(
    'renamed away and back',
    async (path) => {
      await lab.rename(path('a'), path('b/c'));
      await lab.rename(path('b/c'), path('a'));
      await lab.rename(path('a/deep'), path('a/deeper'));
      await lab.rename(path('a/deeper'), path('a/deep'));
    },
    [],
  ),
  redirected(
    'renamed away and back, a child changed meanwhile',
    async (path) => {
      await lab.rename(path('a/deep'), path('b/deeper'));
      await lab.append(path('b/deeper/x'), '!');
      await lab.rename(path('b/deeper'), path('a/deep'));
    },
    ['M file a/deep/x [content,times]'],
  ),
  redirected(
    'two directories change places',
    (path) => lab.exchange(path('a'), path('b')),
    swapped,
  ),
  redirected(
    'renamed over a whiteout, and over the whiteout of a directory',
    async (path) => {
      await lab.unlink(path('gone'));
      await lab.rename(path('a/deep'), path('gone'));
      await lab.rmtree(path('b'));
      await lab.rename(path('a'), path('b'));
    },
    ['D directory a', 'D directory b/deep', ...overWhiteouts],
    [...deletedA, 'D directory b/deep', 'D file b/deep/x', ...overWhiteouts],
  ),
  redirected(
    'another directory is made in the old place, with a name that was there',
    async (path) => {
      await lab.rename(path('a'), path('c'));
      await plant({ 'a/deep/x': 'ax', 'a/new': 'new' })(lab, path('.'));
    },
    [
      'D file a/deep/y',
      'A file a/new',
      'D file a/z',
      ...added('c', 'deep/', 'deep/x', 'deep/y', 'z'),
    ],
  ),
  redirected(
    'directories are renamed into a renamed one and out of it',
    async (path) => {
      await lab.rename(path('a'), path('c'));
      await lab.rename(path('c/deep'), path('deep'));
      await lab.rename(path('b/deep'), path('c/deep'));
    },
    ['D directory a', 'D directory b/deep', ...insideOut],
    [...deletedA, ...deleted('b/deep', 'x'), ...insideOut],
  ),
];

const layered: readonly Case[] = [
  {
    title: 'a lower with redirects, and an upper without',
    rootOnly: true,
    lowers: [
      lower,
      {
        options: ['redirect_dir=on'],
        mounted: async (_, merged) => {
          await lab.rename(at(merged, 'a'), at(merged, 'c'));
          await lab.rename(at(merged, 'c/deep'), at(merged, 'b/c'));
        },
      },
    ],
    edit: async (_, merged) => {
      await lab.append(at(merged, 'b/c/x'), '!');
      await lab.unlink(at(merged, 'b/c/y'));
      await lab.unlink(at(merged, 'c/z'));
      await plant({ 'a/deep/x': 'ax', 'c/deep/x': 'new' })(lab, merged);
    },
    expected: [
      ...added('a', 'deep/', 'deep/x'),
      'M file b/c/x [content,times]',
      'D file b/c/y',
      ...added('c/deep', 'x'),
      'D file c/z',
    ],
  },
  {
    title: 'redirects over redirects over an opaque directory',
    rootOnly: true,
    lowers: [
      lower,
      {
        options: ['redirect_dir=on'],
        mounted: async (_, merged) => {
          await lab.rmtree(at(merged, 'b'));
          await plant({ 'b/deep/new': 'new' })(lab, merged);
          await lab.rename(at(merged, 'a'), at(merged, 'c'));
        },
      },
      plant({ 'c/deep/top': 'top', 'b/deep/top': 'top' }),
    ],
    options: ['redirect_dir=on'],
    edit: async (_, merged) => {
      await lab.exchange(at(merged, 'b/deep'), at(merged, 'c/deep'));
      await lab.append(at(merged, 'b/deep/x'), '!');
      await lab.rename(at(merged, 'c'), at(merged, 'a'));
    },
    expected: [
      ...added('a', 'deep/', 'deep/new', 'deep/top', 'z'),
      'D file b/deep/new',
      'A file b/deep/x',
      'A file b/deep/y',
      'D directory c',
    ],
    expanded: [
      ...added('a', 'deep/', 'deep/new', 'deep/top', 'z'),
      'D file b/deep/new',
      'A file b/deep/x',
      'A file b/deep/y',
      ...deleted('c', 'deep/', 'deep/top', 'deep/x', 'deep/y', 'z'),
    ],
  },
  {
    title: 'a redirect to a directory that the lower itself has from elsewhere',
    rootOnly: true,
    lowers: [
      lower,
      {
        options: ['redirect_dir=on'],
        mounted: async (_, merged) => {
          await lab.rename(at(merged, 'a/deep'), at(merged, 'a/deeper'));
          await plant({ 'a/deeper/new': 'new' })(lab, merged);
        },
      },
    ],
    options: ['redirect_dir=on'],
    edit: (_, merged) => lab.rename(at(merged, 'a/deeper'), at(merged, 'b/moved')),
    expected: ['D directory a/deeper', ...added('b/moved', 'new', 'x', 'y')],
    expanded: [...deleted('a/deeper', 'new', 'x', 'y'), ...added('b/moved', 'new', 'x', 'y')],
  },
  {
    title: 'an opaque directory with a redirect is opaque',
    rootOnly: true,
    lowers: [lower],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await plant({ 'a/z': 'az', 'c/new': 'new' })(lab, upper);
      for (const name of ['a', 'c']) {
        await lab.setXattr(at(upper, name), 'trusted.overlay.opaque', 'y');
        await lab.setXattr(at(upper, name), 'trusted.overlay.redirect', '/b');
      }
    },
    edit: async () => undefined,
    expected: ['D directory a/deep', ...added('c', 'new')],
    expanded: [...deleted('a/deep', 'x', 'y'), ...added('c', 'new')],
  },
];

playAll(test, () => lab, [...redirects, ...layered]);

if (asUser) {
  test('an ordinary user has no redirects, and the library does not make one up', async (t) => {
    const scene = await startScene(t, lab, 1);
    const { upper, lowers, target, work } = scene;
    for (const path of [upper, work]) await lab.mkdir(path);
    const [layer = scene.root] = lowers;
    await lower(lab, layer);
    const data = `lowerdir=${layer},upperdir=${upper},workdir=${work},redirect_dir=on`;
    for (const [options, code] of [
      [data, 'EPERM'],
      [`${data},userxattr`, 'EINVAL'],
    ]) {
      const error = await t.throwsAsync(lab.mount('overlay', target, 'overlay', [], options ?? ''));
      t.like(error, { code });
    }
    await lab.mkdir(at(upper, 'c'));
    await lab.setXattr(at(upper, 'c'), 'user.overlay.redirect', 'a');
    const close = await mountByLab(scene);
    t.teardown(close);
    t.like(await t.throwsAsync(lab.stat(at(target, 'c'))), { code: 'EPERM' });
    const listing = changes(target);
    t.like(await t.throwsAsync(listing.next()), {
      code: 'ENOTSUP',
      path: at(upper, 'c').toString(),
    });
  });
}
