// Marks with strange values, in strange places and against each other, in layers that no mount has
// written.
import test from 'ava';
import type { ChangesSource } from 'overlayfs';
import type { HandWritten } from './helpers/hand-written.ts';
import { layersByHand } from './helpers/hand-written.ts';
import { Lab } from './helpers/lab.ts';
import { reportedRows } from './helpers/scenario.ts';
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

async function made(directory: Buffer): Promise<Buffer> {
  await lab.mkdir(directory);
  return directory;
}

const base = plant({ 'd/x': '1', 'd/y': '2', file: '3' });

type Paths = (name: string) => Buffer;
const write =
  (edit: (path: Paths) => Promise<void>): Edit =>
  (_, layer) =>
    edit((name) => at(layer, name));

const mark = (path: Buffer, name: string, value: string | Uint8Array = ''): Promise<void> =>
  lab.setXattr(path, `${own}.overlay.${name}`, value);

/** A directory `d` with a file of its own, and marks. */
const marked = (...marks: readonly (readonly [string, string])[]): Edit =>
  write(async (path) => {
    await plant({ 'd/new': '4' })(lab, path('.'));
    for (const [name, value] of marks) await mark(path('d'), name, value);
  });

const merged = {
  shown: ['d/', 'd/new = 4', 'd/x = 1', 'd/y = 2', 'file = 3'],
  changes: ['A file d/new'],
} as const;

const opaque: readonly HandWritten[] = [
  {
    title: 'opaque=y',
    below: [base],
    layer: marked(['opaque', 'y']),
    shown: ['d/', 'd/new = 4', 'file = 3'],
    changes: ['A file d/new', 'D file d/x', 'D file d/y'],
  },
  ...['yy', 'n', 'x', 'Y', '1', '', 'y\0', 'y\n'].map(
    (value): HandWritten => ({
      title: `opaque=${JSON.stringify(value)} does not make a directory opaque`,
      below: [base],
      layer: marked(['opaque', value]),
      ...merged,
    }),
  ),
  {
    title: 'opaque=y on the root of a layer',
    below: [base],
    layer: write(async (path) => {
      await mark(path('.'), 'opaque', 'y');
      await plant({ 'd/new': '4' })(lab, path('.'));
    }),
    ...merged,
  },
  {
    title: 'opaque=y on a directory that is new, and on a file',
    below: [base],
    layer: write(async (path) => {
      await plant({ 'new/deep/x': '4', file: '3' })(lab, path('.'));
      await mark(path('new'), 'opaque', 'y');
      await mark(path('new/deep'), 'opaque', 'y');
      await mark(path('file'), 'opaque', 'y');
    }),
    shown: ['d/', 'd/x = 1', 'd/y = 2', 'file = 3', 'new/', 'new/deep/', 'new/deep/x = 4'],
    changes: ['A directory new', 'A directory new/deep', 'A file new/deep/x'],
  },
  {
    title: 'an opaque ancestor hides what is two levels further down',
    below: [plant({ 'a/b/c/x': '1', 'a/b/c/y': '2' })],
    layer: write(async (path) => {
      await plant({ 'a/b/c/y': '2' })(lab, path('.'));
      await mark(path('a'), 'opaque', 'y');
    }),
    shown: ['a/', 'a/b/', 'a/b/c/', 'a/b/c/y = 2'],
    changes: ['D file a/b/c/x'],
  },
  {
    title: 'opaque=y in the bottom-most layer, and in the middle under a merged one',
    below: [
      write(async (path) => {
        await base(lab, path('.'));
        await mark(path('d'), 'opaque', 'y');
      }),
      write(async (path) => {
        await plant({ 'd/middle': '5' })(lab, path('.'));
        await mark(path('d'), 'opaque', 'y');
      }),
    ],
    layer: marked(),
    shown: ['d/', 'd/middle = 5', 'd/new = 4', 'file = 3'],
    changes: ['A file d/new'],
  },
];

const bookkeeping: readonly HandWritten[] = [
  {
    title: 'bookkeeping says nothing by itself',
    below: [base],
    layer: write(async (path) => {
      await plant({ 'd/x': '1', 'new/x': '1' })(lab, path('.'));
      for (const name of ['.', 'd', 'new']) {
        await mark(path(name), 'impure', 'y');
        // On the root of an upper it says that there is an index.
        if (name !== '.') await mark(path(name), 'origin', '');
        await mark(path(name), 'upper', 'abc');
        await mark(path(name), 'uuid', '0123456789abcdef');
        await mark(path(name), 'protattr', 'ai');
      }
      for (const name of ['d/x', 'new/x']) {
        await mark(path(name), 'origin', '');
        await mark(path(name), 'protattr', 'a');
        await mark(path(name), 'redirect', '/d/y');
        await mark(path(name), 'impure', 'y');
        await mark(path(name), 'something', 'else');
      }
    }),
    shown: ['d/', 'd/x = 1', 'd/y = 2', 'file = 3', 'new/', 'new/x = 1'],
    changes: ['A directory new', 'A file new/x'],
  },
];

/** What a mount inside of an overlay has written; through a mount it loses one level. */
const escaped: readonly HandWritten[] = [
  {
    title: 'escaped marks are attributes, and do nothing',
    below: [base],
    layer: write(async (path) => {
      await plant({ 'd/x': '1', file: '' })(lab, path('.'));
      await mark(path('d'), 'overlay.opaque', 'y');
      await mark(path('d'), 'overlay.redirect', '/file');
      await mark(path('d/x'), 'overlay.overlay.metacopy', '');
      await mark(path('file'), 'overlay.whiteout', 'y');
    }),
    shown: ['d/', 'd/x = 1', 'd/y = 2', 'file = '],
    changes: ['M directory d [xattrs]', 'M file d/x [xattrs]', 'M file file [content,xattrs]'],
  },
  {
    title: 'escaped marks that are the same in both layers, and those that differ',
    below: [
      write(async (path) => {
        await base(lab, path('.'));
        await mark(path('d'), 'overlay.opaque', 'y');
        await mark(path('d/x'), 'overlay.origin', 'x');
        await mark(path('d/y'), 'overlay.overlay.impure', 'y');
        await mark(path('d/y'), 'origin', '');
        await mark(path('file'), 'overlay.x', 'y');
      }),
    ],
    layer: write(async (path) => {
      await base(lab, path('.'));
      await mark(path('d'), 'overlay.opaque', 'y');
      await mark(path('d'), 'impure', 'y');
      await mark(path('d/x'), 'overlay.origin', 'y');
      await mark(path('d/y'), 'overlay.impure', 'y');
      await mark(path('file'), 'overlay.x', 'y');
    }),
    shown: ['d/', 'd/x = 1', 'd/y = 2', 'file = 3'],
    changes: ['M file d/x [xattrs]', 'M file d/y [xattrs]'],
  },
  {
    title: 'names that almost are marks',
    below: [base],
    layer: write(async (path) => {
      await plant({ 'd/x': '1' })(lab, path('.'));
      await lab.setXattr(path('d'), 'user.overlay', 'y');
      await lab.setXattr(path('d'), 'user.overlayfs.opaque', 'y');
      await lab.setXattr(path('d/x'), 'user.Overlay.metacopy', '');
      await mark(path('d'), 'opaque.', 'y');
      await mark(path('d'), 'opaquex', 'y');
    }),
    shown: ['d/', 'd/x = 1', 'd/y = 2', 'file = 3'],
    changes: ['M directory d [xattrs]', 'M file d/x [xattrs]'],
  },
];

/** The marks of the other kind of mount. A user cannot set those of root. */
const foreign: readonly HandWritten[] = asUser
  ? []
  : [
      {
        title: 'user.overlay.* on a mount without userxattr: attributes like any other',
        rootOnly: true,
        below: [base],
        layer: write(async (path) => {
          await plant({ 'd/x': '', 'd/new': '', 'd/y': '2', file: '3' })(lab, path('.'));
          await lab.setXattr(path('d'), 'user.overlay.opaque', 'y');
          await lab.setXattr(path('d'), 'user.overlay.redirect', '/file');
          await lab.setXattr(path('d/x'), 'user.overlay.whiteout', 'y');
          await lab.setXattr(path('d/new'), 'user.overlay.whiteout', 'y');
          await lab.setXattr(path('file'), 'user.overlay.metacopy', '');
          await lab.setXattr(path('file'), 'user.overlay.overlay.opaque', 'y');
          await lab.setXattr(path('d/y'), 'user.fuseoverlayfs.opaque', 'y');
        }),
        shown: ['d/', 'd/new = ', 'd/x = ', 'd/y = 2', 'file = 3'],
        changes: [
          'M directory d [xattrs]',
          'A file d/new',
          'M file d/x [content,xattrs]',
          'M file d/y [xattrs]',
          'M file file [xattrs]',
        ],
      },
      {
        title: 'marks of both kinds: only those of the mount count',
        rootOnly: true,
        below: [base],
        layer: write(async (path) => {
          await plant({ 'd/new': '4' })(lab, path('.'));
          await lab.setXattr(path('d'), 'user.overlay.opaque', 'n');
          await lab.setXattr(path('d'), 'trusted.overlay.opaque', 'y');
          await lab.write(path('file'), '');
          await lab.setXattr(path('file'), 'user.overlay.whiteout', 'y');
          await lab.setXattr(path('file'), 'trusted.overlay.whiteout', 'y');
          await age(lab, path('file'));
        }),
        shown: ['d/', 'd/new = 4'],
        changes: [
          'M directory d [xattrs]',
          'A file d/new',
          'D file d/x',
          'D file d/y',
          'D file file',
        ],
      },
    ];

(asUser ? test.skip : test)(
  'trusted.overlay.* on a mount with userxattr: attributes that do nothing [root only]',
  async (t) => {
    const scene = await startScene(t, lab, 1);
    await makeLowers(scene, [base]);
    const { before, lowers, nothing, upper, target } = scene;
    await plant({ 'd/new': '4', file: '3' })(lab, await made(upper));
    for (const name of ['d', 'd/new', 'file']) {
      await lab.setXattr(at(upper, name), 'trusted.overlay.opaque', 'y');
      await lab.setXattr(at(upper, name), 'trusted.overlay.metacopy', '');
      await lab.setXattr(at(upper, name), 'trusted.overlay.redirect', '//');
      await lab.setXattr(at(upper, name), 'user.overlay.origin', '');
    }
    await lab.write(at(upper, 'd/y'), '');
    await lab.setXattr(at(upper, 'd/y'), 'trusted.overlay.whiteout', '');
    await lab.write(at(upper, 'd/x'), '');
    await lab.setXattr(at(upper, 'd/x'), 'user.overlay.whiteout', '');
    const view = { ...scene, target: before, lowers: [nothing, ...lowers], upper: undefined };
    t.teardown(await mountByLab(view, ['userxattr']));
    const close = await mountByLab(scene, ['userxattr']);
    t.teardown(close);
    const seen = await lab.compare(before, target, { own: 'user', upper });
    const expected = seen.map(({ kind, path, aspects }) => `${kind} ${path} ${aspects.join()}`);
    t.deepEqual(expected, [
      'modified d xattrs',
      'added d/new ',
      'deleted d/x ',
      'modified d/y content,xattrs,times',
      'modified file xattrs',
    ]);
    // The mount table says what it was mounted with.
    const listed = async (source: ChangesSource): Promise<string[]> =>
      (await reportedRows(source, {})).map(
        ({ kind, path, aspects }) => `${kind} ${path} ${aspects}`,
      );
    t.deepEqual(await listed(target), expected);
    await close();
    const source = { upper, lower: lowers, xattrs: 'user' } as const;
    t.deepEqual(await listed(source), expected);
  },
);

layersByHand(test, () => lab, [...opaque, ...bookkeeping, ...escaped, ...foreign]);
