// Metacopies that no mount would write: with a digest, chained, without data, on what has no data.
import test from 'ava';
import type { HandWritten } from './helpers/hand-written.ts';
import { layersByHand } from './helpers/hand-written.ts';
import { Lab } from './helpers/lab.ts';
import type { Edit, Tree } from './helpers/scene.ts';
import { age, at, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const base = plant({ 'd/x': 'data of x', 'd/y': 'data of y', file: 'data' });

interface Copy {
  /** The value of the mark; default: empty. */
  readonly metacopy?: string | Uint8Array;
  readonly redirect?: string;
  readonly size: number;
  readonly mode?: number;
}

/** Metacopies by name, in a layer with whatever else. */
const layer =
  (copies: Readonly<Record<string, Copy>>, tree: Tree = {}, gone: readonly string[] = []): Edit =>
  async (_, root) => {
    await plant(tree)(lab, root);
    for (const [name, { metacopy = '', redirect, size, mode }] of Object.entries(copies)) {
      const path = at(root, name);
      await plant({ [name]: '' })(lab, root);
      await lab.truncate(path, size);
      if (mode !== undefined) await lab.chmod(path, mode);
      await lab.setXattr(path, 'trusted.overlay.metacopy', metacopy);
      if (redirect !== undefined) await lab.setXattr(path, 'trusted.overlay.redirect', redirect);
      await age(lab, path);
    }
    for (const name of gone) await lab.whiteout(at(root, name));
  };

/** Version 0, the length of it all, no flags, SHA-256, and the digest. */
const header = (length = 36, version = 0, algorithm = 1): Buffer =>
  Buffer.concat([Buffer.from([version, length, 0, algorithm]), Buffer.alloc(32, 7)]);

const all = ['d/', 'd/x = data of x', 'd/y = data of y', 'file = data'];
const rest = all.slice(0, 3);
type Rest = Omit<HandWritten, 'title' | 'rootOnly' | 'metacopy'>;
const metacopied = (title: string, test: Rest): HandWritten => ({
  title: `metacopy ${title}`,
  rootOnly: true,
  metacopy: true,
  ...test,
});

const values: readonly HandWritten[] = [
  metacopied('with an empty mark', {
    below: [base],
    layer: layer({ file: { size: 4, mode: 0o600 } }),
    shown: all,
    changes: ['M file file [mode]'],
  }),
  metacopied('with a digest', {
    below: [base],
    layer: layer({ file: { metacopy: header(), size: 4, mode: 0o600 } }),
    shown: all,
    changes: ['M file file [mode]'],
  }),
  metacopied('with a header and no digest', {
    below: [base],
    layer: layer({ file: { metacopy: Buffer.from([0, 4, 0, 0]), size: 4 } }),
    shown: all,
    changes: [],
  }),
  metacopied('of another version', {
    below: [base],
    layer: layer({ file: { metacopy: header(36, 1), size: 4 } }),
    shown: all,
    changes: [],
  }),
  metacopied('of another length than it says', {
    below: [base],
    layer: layer({ file: { metacopy: header(35), size: 4 } }),
    shown: all,
    changes: [],
  }),
  metacopied('that is too small for a header', {
    below: [base],
    layer: layer({ file: { metacopy: 'y', size: 4 } }),
    shown: [...rest, 'file EIO'],
    refused: { code: 'EIO', path: 'file' },
  }),
  metacopied('that is larger than any', {
    below: [base],
    layer: layer({ file: { metacopy: Buffer.alloc(100, 1), size: 4 } }),
    shown: all,
    changes: [],
  }),
];

const redirects: readonly HandWritten[] = [
  metacopied('with a relative redirect', {
    below: [base],
    layer: layer({ 'd/z': { redirect: 'x', size: 9 } }, {}, ['d/x']),
    shown: ['d/', 'd/y = data of y', 'd/z = data of x', 'file = data'],
    changes: ['D file d/x', 'A file d/z'],
  }),
  metacopied('with an absolute redirect, over another file of the same size', {
    below: [base],
    layer: layer({ 'd/y': { redirect: '/d/x', size: 9 } }, {}, ['d/x']),
    shown: ['d/', 'd/y = data of x', 'file = data'],
    changes: ['D file d/x', 'M file d/y [content]'],
  }),
  metacopied('through three lowers, with redirects in between', {
    below: [
      plant({ one: 'the data', 'p/four': 'not it' }),
      layer({ two: { redirect: 'one', size: 8 } }, {}, ['one']),
      layer({ 'p/three': { redirect: '/two', size: 8, mode: 0o640 } }, {}, ['two']),
    ],
    layer: layer({ 'p/four': { redirect: 'three', size: 8, mode: 0o600 } }, {}, ['p/three']),
    shown: ['p/', 'p/four = the data'],
    changes: ['M file p/four [content,mode]', 'D file p/three'],
  }),
  metacopied('in a redirected directory', {
    below: [plant({ 'old/x': 'data' }), layer({ 'old/x': { size: 4, mode: 0o640 } })],
    layer: async (_, root) => {
      await layer({ 'new/x': { size: 4, mode: 0o600 } }, {}, ['old'])(_, root);
      await lab.setXattr(at(root, 'new'), 'trusted.overlay.redirect', 'old');
    },
    shown: ['new/', 'new/x = data'],
    changes: ['A directory new', 'A file new/x', 'D directory old'],
    expanded: ['A directory new', 'A file new/x', 'D directory old', 'D file old/x'],
  }),
  metacopied('over a file that is in two lowers', {
    below: [plant({ file: 'data' }), plant({ file: 'DATA' })],
    layer: layer({ file: { size: 4, mode: 0o600 } }),
    shown: ['file = DATA'],
    changes: ['M file file [mode]'],
  }),
  metacopied('of another size than its data', {
    below: [base],
    layer: layer({ 'd/x': { size: 4 }, 'd/y': { size: 0 }, file: { size: 100 } }),
    shown: all,
    changes: ['M file d/x [content]', 'M file d/y [content]', 'M file file [content]'],
    // They have the size of the one and the bytes of the other.
    copied: ['M file d/x [content]', 'M file d/y [content]', 'M file file [content]'],
  }),
  metacopied('of an empty file', {
    below: [plant({ file: '' })],
    layer: layer({ file: { size: 0, mode: 0o600 } }),
    shown: ['file = '],
    changes: ['M file file [mode]'],
  }),
  metacopied('with a redirect, over nothing, next to a stale redirect', {
    below: [base],
    layer: async (_, root) => {
      await layer({ new: { redirect: '/d/x', size: 9 } }, { 'd/y': 'data of y' }, ['d/x'])(_, root);
      await lab.setXattr(at(root, 'd/y'), 'trusted.overlay.redirect', '/d/x');
    },
    shown: ['d/', 'd/y = data of y', 'file = data', 'new = data of x'],
    changes: ['D file d/x', 'A file new'],
  }),
];

const withoutData = (title: string, redirect: string, path = 'new'): HandWritten =>
  metacopied(title, {
    below: [base],
    layer: layer({ [path]: { redirect, size: 4 } }),
    shown: [...all, `${path} EIO`],
    refused: { code: 'EIO', path },
  });

const missing: readonly HandWritten[] = [
  withoutData('with a redirect to nothing', '/d/nothing'),
  withoutData('with a redirect to a directory', '/d'),
  metacopied('without data and without a redirect', {
    below: [base],
    layer: layer({ new: { size: 4 } }),
    shown: [...all, 'new EIO'],
    refused: { code: 'EIO', path: 'new' },
  }),
  metacopied('over a link', {
    below: [plant({ file: { link: 'x' }, x: 'data' })],
    layer: layer({ file: { size: 4 } }),
    shown: ['file EIO', 'x = data'],
    refused: { code: 'EIO', path: 'file' },
  }),
  metacopied('over a directory', {
    below: [plant({ 'file/x': 'data' })],
    layer: layer({ file: { size: 4 } }),
    shown: ['file EIO'],
    refused: { code: 'EIO', path: 'file' },
  }),
  metacopied('over a whiteout over the data', {
    below: [base, layer({}, {}, ['file'])],
    layer: layer({ file: { size: 4 } }),
    shown: [...rest, 'file EIO'],
    refused: { code: 'EIO', path: 'file' },
  }),
  metacopied('whose data another metacopy would have', {
    below: [base, layer({ other: { size: 4 } })],
    layer: layer({ file: { redirect: 'other', size: 4 } }, {}, ['other']),
    shown: [...rest, 'file EIO'],
    refused: { code: 'EIO', path: 'file' },
  }),
  metacopied('with a redirect that is refused', {
    below: [base],
    layer: layer({ file: { redirect: '/d//x', size: 4 } }),
    shown: [...rest, 'file EINVAL'],
    refused: { code: 'EINVAL', path: 'file' },
  }),
  metacopied('with a redirect upwards', {
    below: [base],
    layer: layer({ 'd/x': { redirect: '..', size: 4 } }),
    shown: ['d/', 'd/x EACCES', 'd/y = data of y', 'file = data'],
    refused: { code: 'EACCES', path: 'd/..', below: 0 },
  }),
];

const elsewhere: readonly HandWritten[] = [
  metacopied('marks on a directory, a link, a FIFO and a device', {
    below: [base],
    layer: async (_, root) => {
      await plant({ 'd/x': { link: 'y' } })(lab, root);
      await lab.fifo(at(root, 'd/fifo'));
      await lab.mknod(at(root, 'file'), 'c', 0o600, 1, 3);
      for (const name of ['d', 'd/x', 'd/fifo', 'file']) {
        await lab.setXattr(at(root, name), 'trusted.overlay.metacopy', '');
      }
    },
    shown: ['d/', 'd/fifo (fifo)', 'd/x -> y', 'd/y = data of y', 'file (character-device)'],
    changes: ['A fifo d/fifo', 'M file>symlink d/x [type]', 'M file>character-device file [type]'],
  }),
  metacopied('and a whiteout by attribute in one: a whiteout', {
    below: [base],
    layer: async (_, root) => {
      await layer({ file: { size: 0 } })(_, root);
      await lab.setXattr(at(root, 'file'), 'trusted.overlay.whiteout', '');
    },
    shown: rest,
    changes: ['D file file'],
  }),
  metacopied('and opaque=y in one', {
    below: [base],
    layer: async (_, root) => {
      await layer({ file: { size: 4, mode: 0o600 } })(_, root);
      await lab.setXattr(at(root, 'file'), 'trusted.overlay.opaque', 'y');
    },
    shown: all,
    changes: ['M file file [mode]'],
  }),
];

layersByHand(test, () => lab, [...values, ...redirects, ...missing, ...elsewhere]);
