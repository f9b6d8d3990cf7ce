// The rules of docs/classification.md that say what is there, one test or more for each; files and
// reading are in the other classification tests.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import { added, deleted } from './helpers/lines.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit, Layer, Scene, Tree } from './helpers/scene.ts';
import { at, own, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const nothing: Edit = async () => undefined;
const base: Tree = { 'd/e/x': 'x', 'd/y': 'y', f: 'f', l: { link: 'f' } };
const lowers = [plant(base)];

type Place = (name: string) => Buffer;

/** Something done in the overlay. */
const done = (
  title: string,
  edit: (path: Place) => Promise<void>,
  expected: readonly string[],
  expanded: readonly string[] = expected,
): Case => ({
  title,
  lowers,
  edit: (_, merged) => edit((name) => at(merged, name)),
  expected,
  expanded,
});

/** An upper that no kernel wrote. */
const written = (
  title: string,
  write: (path: Place) => Promise<void>,
  expected: readonly string[],
  more: Partial<Case> = {},
): Case => ({
  title,
  lowers,
  prepare: async ({ upper }: Scene) => {
    await lab.mkdir(upper);
    await write((name) => at(upper, name));
  },
  edit: nothing,
  expected,
  ...more,
});

const mark = (path: Buffer, name: string, value: string): Promise<void> =>
  lab.setXattr(path, `${own}.overlay.${name}`, value);

const markedDirectory = async (path: Buffer, name: string, value: string): Promise<void> => {
  await lab.mkdir(path);
  await mark(path, name, value);
};

/** A middle layer that hides `d/y`, replaces `d/e` and has its own `g`. */
const middle: Layer = {
  mounted: async (_, merged) => {
    await lab.unlink(at(merged, 'd/y'));
    await lab.rmtree(at(merged, 'd/e'));
    await plant({ 'd/e/z': 'z', 'g/h': 'h' })(lab, merged);
    await lab.rmtree(at(merged, 'l'));
    await plant({ 'l/in': 'in' })(lab, merged);
  },
};

const presence: readonly Case[] = [
  done(
    'R1: what only the upper has is added, every entry of it',
    (path) => plant({ 'n/m/o': 'o' })(lab, path('.')),
    ['A directory n', 'A directory n/m', 'A file n/m/o'],
  ),
  done(
    'R2: a whiteout deletes, a tree with one entry',
    (path) => lab.rmtree(path('d')),
    ['D directory d'],
    deleted('d', 'e/', 'e/x', 'y'),
  ),
  written(
    'R3: a whiteout over nothing is no change',
    async (path) => {
      await lab.whiteout(path('none'));
      await lab.mkdir(path('d'));
      await lab.whiteout(path('d/y'));
    },
    [],
    { lowers: [...lowers, middle] },
  ),
  written(
    'R4: a whiteout of the attribute form is one, announced or not',
    async (path) => {
      await lab.write(path('f'), '');
      await mark(path('f'), 'whiteout', 'y');
    },
    ['D file f'],
  ),
  {
    ...written(
      'R5: what merely looks like a mark is a file',
      async (path) => {
        await lab.mknod(path('c01'), 'c', 0o644, 0, 1);
        await lab.mknod(path('b00'), 'b', 0o644, 0, 0);
      },
      ['A block-device b00', 'A character-device c01'],
    ),
    rootOnly: true,
  },
  written(
    'R5: names of another format and marks of another file mean nothing',
    async (path) => {
      await plant({ '.wh.f': '', '.wh..wh..opq': '', n: 'not empty' })(lab, path('.'));
      await mark(path('n'), 'whiteout', 'y');
    },
    ['A file .wh..wh..opq', 'A file .wh.f', 'A file n'],
  ),
  done(
    'R6: a directory that was copied up merges',
    (path) => plant({ 'd/e/new': 'new' })(lab, path('.')),
    ['A file d/e/new'],
  ),
  done(
    'R7: of an opaque directory what is gone is deleted name by name',
    async (path) => {
      await lab.rmtree(path('d'));
      await plant({ 'd/y': 'y' })(lab, path('.'));
    },
    ['D directory d/e'],
    deleted('d/e', 'x'),
  ),
  written(
    'R8: opaque over nothing is an added directory',
    (path) => markedDirectory(path('n'), 'opaque', 'y'),
    ['A directory n'],
  ),
  written(
    'R9: other values of opaque merge, and the root of a layer always does',
    async (path) => {
      await mark(path('.'), 'opaque', 'y');
      await markedDirectory(path('d'), 'opaque', 'yy');
      await markedDirectory(path('d/e'), 'opaque', 'x');
    },
    [],
  ),
  written(
    'R10: whiteouts in an opaque or a new directory hide nothing more',
    async (path) => {
      await markedDirectory(path('d'), 'opaque', 'y');
      await lab.whiteout(path('d/y'));
      await lab.whiteout(path('d/never'));
      await lab.mkdir(path('n'));
      await lab.whiteout(path('n/never'));
    },
    ['D directory d/e', 'D file d/y', 'A directory n'],
    { expanded: [...deleted('d/e', 'x'), 'D file d/y', 'A directory n'] },
  ),
  done(
    'R11: a directory replaced is one modification',
    async (path) => {
      await lab.rmtree(path('d'));
      await lab.write(path('d'), 'file');
    },
    ['M directory>file d [type]'],
    ['M directory>file d [type]', ...deleted('d/e', 'x'), 'D file d/y'],
  ),
  done(
    'R11: what becomes a directory is modified, with additions below',
    async (path) => {
      await lab.unlink(path('l'));
      await plant({ 'l/in': 'in' })(lab, path('.'));
    },
    ['M symlink>directory l [type]', 'A file l/in'],
  ),
  {
    ...done(
      'R12: middle layers hide what is below them',
      async (path) => {
        await plant({ 'd/y': 'again', 'd/e/x': 'again' })(lab, path('.'));
        await lab.rmtree(path('l'));
      },
      ['A file d/e/x', 'A file d/y', 'D directory l'],
      ['A file d/e/x', 'A file d/y', 'D directory l', 'D file l/in'],
    ),
    lowers: [...lowers, middle],
  },
  {
    ...done(
      'R12: a directory of the lowers ends at a file in a middle layer',
      (path) => plant({ 'd/new': 'new' })(lab, path('.')),
      ['A file d/new'],
    ),
    lowers: [...lowers, plant({ d: 'file' }), plant({ 'd/top': 'top' })],
  },
];

const redirect = (
  title: string,
  write: (path: Place) => Promise<void>,
  expected: readonly string[],
  layers: readonly Layer[] = lowers,
): Case => ({
  ...written(title, write, expected, { lowers: layers, options: ['redirect_dir=on'] }),
  rootOnly: true,
});

/** `d` of the layer below is `m` here, with a file more. */
const renamedInTheMiddle: Edit = async (_, layer) => {
  await plant({ 'm/own': 'own' })(lab, layer);
  await mark(at(layer, 'm'), 'redirect', '/d');
  await lab.whiteout(at(layer, 'd'));
};

const redirects: readonly Case[] = [
  redirect(
    'R13: below a redirected directory two stacks count',
    async (path) => {
      await markedDirectory(path('d'), 'redirect', '/g');
      await lab.whiteout(path('g'));
      await plant({ 'd/y': 'y' })(lab, path('.'));
    },
    ['D directory d/e', 'A directory d/k', 'A file d/k/x', 'D directory g'],
    [plant({ ...base, 'g/k/x': 'x' })],
  ),
  redirect(
    'R14: a redirect in the same directory',
    async (path) => {
      await lab.mkdir(path('d'));
      await markedDirectory(path('d/n'), 'redirect', 'e');
      await lab.whiteout(path('d/e'));
    },
    ['D directory d/e', ...added('d/n', 'x')],
  ),
  redirect(
    'R15: an absolute redirect starts at the roots of the layers below',
    async (path) => {
      await lab.mkdir(path('d'));
      await markedDirectory(path('d/n'), 'redirect', '/g/k');
      await lab.whiteout(path('g'));
    },
    [...added('d/n', 'x'), 'D directory g'],
    [plant({ ...base, 'g/k/x': 'x' })],
  ),
  redirect(
    'R16: redirects of several layers chain',
    async (path) => {
      await markedDirectory(path('n'), 'redirect', '/m');
      await lab.whiteout(path('m'));
    },
    ['D directory m', 'A directory n', ...added('n/e', 'x'), 'A file n/own', 'A file n/y'],
    [...lowers, renamedInTheMiddle],
  ),
  redirect(
    'R17: a redirect to nothing or to a file merges nothing',
    async (path) => {
      await markedDirectory(path('n'), 'redirect', '/none');
      await markedDirectory(path('o'), 'redirect', 'f');
    },
    ['A directory n', 'A directory o'],
  ),
  redirect(
    'R18: opaque is stronger than a redirect, and on a file one is stale',
    async (path) => {
      await markedDirectory(path('d'), 'redirect', '/g');
      await mark(path('d'), 'opaque', 'y');
      await plant({ n: 'n' })(lab, path('.'));
      await mark(path('n'), 'redirect', '/f');
    },
    ['D directory d/e', 'D file d/y', 'A file n'],
  ),
];

playAll(test, () => lab, presence);
playAll(
  test,
  () => lab,
  redirects.map((each) => ({ ...each, expanded: each.expanded ?? expandedOf(each) })),
);

/** What `D directory d/e` and the like stand for in these trees. */
function expandedOf({ expected }: Case): readonly string[] {
  const below: Readonly<Record<string, readonly string[]>> = {
    'D directory d/e': ['D file d/e/x'],
    'D directory g': ['D directory g/k', 'D file g/k/x'],
    'D directory m': ['D directory m/e', 'D file m/e/x', 'D file m/own', 'D file m/y'],
  };
  return expected.flatMap((line) => [line, ...(below[line] ?? [])]);
}
