// Uppers that mounts with redirect_dir=on and metacopy=on have written, and whiteouts that are files
// with an attribute.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit } from './helpers/scene.ts';
import { age, at, own, plant } from './helpers/scene.ts';

const lab = await Lab.start();
test.after.always('the lab ends', () => lab.close());

const nothing: Edit = async () => undefined;

const lower = plant({
  'a/deep/x': 'ax',
  'a/deep/y': 'ay',
  'a/z': 'az',
  'b/deep/x': 'bx',
  'b/w': 'bw',
  file: 'content',
  gone: 'there',
});

/** The lines of a tree that is all new, or gone: `added('c', 'd/', 'd/x')`. */
const whole =
  (letter: string) =>
  (root: string, ...names: readonly string[]): string[] => [
    `${letter} directory ${root}`,
    ...names.map((name) =>
      name.endsWith('/')
        ? `${letter} directory ${root}/${name.slice(0, -1)}`
        : `${letter} file ${root}/${name}`,
    ),
  ];
const added = whole('A');
const deleted = whole('D');
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
];

const metacopied = (
  title: string,
  edit: (path: Paths) => Promise<void>,
  expected: readonly string[],
  expanded: readonly string[] = expected,
): Case => ({
  ...redirected(title, edit, expected, expanded),
  title: `metacopy=on: ${title}`,
  options: ['metacopy=on'],
});

const metacopies: readonly Case[] = [
  metacopied(
    'chmod of a file, and back',
    async (path) => {
      await lab.chmod(path('file'), 0o600);
      await lab.chmod(path('a/z'), 0o600);
      await lab.chmod(path('a/z'), 0o644);
    },
    ['M file file [mode]'],
  ),
  metacopied(
    'chown, then written to',
    async (path) => {
      await lab.chown(path('file'), 1, 2);
      await lab.writeAt(path('file'), 0, 'C');
      await age(lab, path('file'));
    },
    ['M file file [content,owner]'],
  ),
  metacopied(
    'a metacopy is renamed into another directory, and another in its own',
    async (path) => {
      await lab.chmod(path('file'), 0o600);
      await lab.rename(path('file'), path('a/deep/file'));
      await lab.utimens(path('b/w'), 0n, 1n);
      await lab.rename(path('b/w'), path('b/v'));
    },
    ['A file a/deep/file', 'A file b/v', 'D file b/w', 'D file file'],
  ),
  metacopied(
    'metacopies of the same size and time change places',
    async (path) => {
      await lab.exchange(path('a/deep/x'), path('b/deep/x'));
      await lab.rename(path('a/deep/y'), path('a/z'));
    },
    [
      'M file a/deep/x [content]',
      'D file a/deep/y',
      'M file a/z [content]',
      'M file b/deep/x [content]',
    ],
  ),
  metacopied(
    'a metacopy in a renamed directory',
    async (path) => {
      await lab.chmod(path('a/deep/x'), 0o600);
      await lab.rename(path('a'), path('c'));
      await lab.chmod(path('c/deep/y'), 0o600);
      await lab.rename(path('c/deep/x'), path('b/deep/x'));
    },
    ['D directory a', 'M file b/deep/x [content,mode]', ...added('c', 'deep/', 'deep/y', 'z')],
    [...deletedA, 'M file b/deep/x [content,mode]', ...added('c', 'deep/', 'deep/y', 'z')],
  ),
  metacopied(
    'a link to a metacopy, and one that is written to',
    async (path) => {
      await lab.link(path('file'), path('b/link'));
      await lab.link(path('gone'), path('linked'));
      await lab.append(path('linked'), '!');
    },
    ['A file b/link', 'M file file [links]', 'M file gone [content,times,links]', 'A file linked'],
  ),
];

/** Hides a name as tools do that cannot make a device. */
async function hide(directory: Buffer, name: string): Promise<void> {
  await lab.setXattr(directory, `${own}.overlay.opaque`, 'x');
  await lab.write(at(directory, name), '');
  await lab.setXattr(at(directory, name), `${own}.overlay.whiteout`, 'y');
}

const hidden: readonly Case[] = [
  {
    title: 'whiteouts by attribute in the upper',
    lowers: [lower],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await plant({ 'a/deep': null, b: null })(lab, upper);
      await hide(at(upper, 'a/deep'), 'x');
      await hide(at(upper, 'a/deep'), 'never');
      await hide(at(upper, 'b'), 'deep');
      // Not empty, so it is an ordinary file.
      await lab.write(at(upper, 'b/w'), 'bw');
      await lab.setXattr(at(upper, 'b/w'), `${own}.overlay.whiteout`, 'y');
      await age(lab, at(upper, 'b/w'));
    },
    edit: nothing,
    expected: ['D file a/deep/x', 'D directory b/deep'],
    expanded: ['D file a/deep/x', 'D directory b/deep', 'D file b/deep/x'],
  },
  {
    title: 'whiteouts by attribute in a lower',
    lowers: [
      lower,
      async (_, layer) => {
        await plant({ 'a/deep': null, b: null })(lab, layer);
        await hide(at(layer, 'a/deep'), 'x');
        await hide(at(layer, 'b'), 'deep');
      },
    ],
    edit: async (_, merged) => {
      await plant({ 'a/deep/x': 'ax', 'b/deep/x': 'bx' })(lab, merged);
      await lab.unlink(at(merged, 'b/w'));
    },
    expected: ['A file a/deep/x', ...added('b/deep', 'x'), 'D file b/w'],
  },
  {
    title: 'marks that say nothing: on the root, of another value, on files',
    lowers: [lower],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await plant({ 'a/deep/x': 'ax', b: null, gone: '' })(lab, upper);
      await lab.setXattr(upper, `${own}.overlay.opaque`, 'y');
      await lab.setXattr(at(upper, 'a'), `${own}.overlay.opaque`, 'yy');
      await lab.setXattr(at(upper, 'b'), `${own}.overlay.opaque`, '');
      await lab.setXattr(at(upper, 'a/deep/x'), `${own}.overlay.opaque`, 'y');
      await lab.setXattr(at(upper, 'a/deep/x'), `${own}.overlay.redirect`, '/b/w');
      await lab.setXattr(at(upper, 'gone'), `${own}.overlay.opaque`, 'y');
    },
    edit: nothing,
    expected: ['M file gone [content]'],
  },
];

playAll(test, lab, [...redirects, ...layered, ...metacopies, ...hidden]);
