// Whiteouts of every form and in every place, in layers that no mount has written.
import test from 'ava';
import type { HandWritten } from './helpers/hand-written.ts';
import { layersByHand } from './helpers/hand-written.ts';
import { Lab } from './helpers/lab.ts';
import type { Edit } from './helpers/scene.ts';
import { age, at, own, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const base = plant({ 'd/x': '1', 'd/y': '2', file: '3' });

type Paths = (name: string) => Buffer;
const write =
  (edit: (path: Paths) => Promise<void>): Edit =>
  (_, layer) =>
    edit((name) => at(layer, name));

const mark = (path: Buffer, name: string, value: string | Uint8Array = ''): Promise<void> =>
  lab.setXattr(path, `${own}.overlay.${name}`, value);

/** An empty file with the attribute. */
async function xattrWhiteout(path: Buffer, value: string | Uint8Array = ''): Promise<void> {
  await lab.write(path, '');
  await mark(path, 'whiteout', value);
}

const withoutX = { shown: ['d/', 'd/y = 2', 'file = 3'], changes: ['D file d/x'] } as const;

const byAttribute: readonly HandWritten[] = [
  {
    title: 'whiteout by attribute in a directory with opaque=x',
    below: [base],
    layer: write(async (path) => {
      await lab.mkdir(path('d'));
      await mark(path('d'), 'opaque', 'x');
      await xattrWhiteout(path('d/x'));
    }),
    ...withoutX,
  },
  {
    title: 'whiteout by attribute without opaque=x',
    below: [base],
    layer: write(async (path) => {
      await lab.mkdir(path('d'));
      await xattrWhiteout(path('d/x'));
    }),
    ...withoutX,
  },
  {
    title: 'whiteouts by attribute with values',
    below: [base],
    layer: write(async (path) => {
      await lab.mkdir(path('d'));
      await mark(path('d'), 'opaque', 'x');
      await xattrWhiteout(path('d/x'), 'n');
      await xattrWhiteout(path('d/y'), Buffer.from([0]));
      await xattrWhiteout(path('file'), 'yes, it is');
    }),
    shown: ['d/'],
    changes: ['D file d/x', 'D file d/y', 'D file file'],
  },
  {
    title: 'whiteout by attribute of a directory, on the root with opaque=x',
    below: [base],
    layer: write(async (path) => {
      await mark(path('.'), 'opaque', 'x');
      await xattrWhiteout(path('d'));
    }),
    shown: ['file = 3'],
    changes: ['D directory d'],
    expanded: ['D directory d', 'D file d/x', 'D file d/y'],
  },
  {
    title: 'the attribute of a whiteout on what cannot be one',
    below: [base],
    layer: write(async (path) => {
      await lab.mkdir(path('d'));
      await mark(path('d'), 'opaque', 'x');
      await mark(path('d'), 'whiteout');
      await lab.write(path('d/x'), 'not empty');
      await mark(path('d/x'), 'whiteout');
    }),
    shown: ['d/', 'd/x = not empty', 'd/y = 2', 'file = 3'],
    changes: ['M file d/x [content,times]'],
  },
  {
    title: 'trusted.overlay.whiteout on a link, a FIFO, a socket and a device',
    rootOnly: true,
    below: [base],
    layer: write(async (path) => {
      await mark(path('.'), 'opaque', 'x');
      await lab.symlink('x', path('link'));
      await lab.fifo(path('fifo'));
      await lab.socket(path('socket'));
      await lab.mknod(path('device'), 'c', 0o600, 1, 3);
      for (const name of ['link', 'fifo', 'socket', 'device']) await mark(path(name), 'whiteout');
    }),
    shown: [
      'd/',
      'd/x = 1',
      'd/y = 2',
      'device (character-device)',
      'fifo (fifo)',
      'file = 3',
      'link -> x',
      'socket (socket)',
    ],
    changes: ['A character-device device', 'A fifo fifo', 'A symlink link', 'A socket socket'],
  },
];

const devices: readonly HandWritten[] = [
  {
    title: 'whiteouts of other modes, with attributes and with several names',
    rootOnly: true,
    below: [base],
    layer: write(async (path) => {
      await lab.mkdir(path('d'));
      await lab.mknod(path('d/x'), 'c', 0o7777, 0, 0);
      await lab.chown(path('d/x'), 1, 2);
      await lab.setXattr(path('d/x'), 'trusted.test', 'ordinary');
      await mark(path('d/x'), 'opaque', 'y');
      await mark(path('d/x'), 'whiteout');
      await mark(path('d/x'), 'metacopy');
      await lab.whiteout(path('d/y'));
      await lab.link(path('d/y'), path('file'));
      await lab.link(path('d/y'), path('never'));
    }),
    shown: ['d/'],
    changes: ['D file d/x', 'D file d/y', 'D file file'],
  },
  {
    title: 'devices that are no whiteouts',
    rootOnly: true,
    below: [base],
    layer: write(async (path) => {
      await lab.mkdir(path('d'));
      await lab.mknod(path('d/x'), 'c', 0, 0, 1);
      await lab.mknod(path('d/y'), 'b', 0, 0, 0);
      await lab.mknod(path('file'), 'c', 0, 1, 0);
    }),
    shown: ['d/', 'd/x (character-device)', 'd/y (block-device)', 'file (character-device)'],
    changes: [
      'M file>character-device d/x [type]',
      'M file>block-device d/y [type]',
      'M file>character-device file [type]',
    ],
  },
  {
    title: 'whiteouts in opaque directories, and of nothing',
    below: [base],
    layer: write(async (path) => {
      await plant({ d: null, 'new/deep': null })(lab, path('.'));
      await mark(path('d'), 'opaque', 'y');
      await mark(path('new'), 'opaque', 'y');
      for (const name of ['d/x', 'd/never', 'never', 'new/x', 'new/deep/x']) {
        await lab.whiteout(path(name));
      }
      await xattrWhiteout(path('new/y'));
      await plant({ 'd/y': '2' })(lab, path('.'));
    }),
    shown: ['d/', 'd/y = 2', 'file = 3', 'new/', 'new/deep/'],
    changes: ['D file d/x', 'A directory new', 'A directory new/deep'],
  },
  {
    title: 'whiteouts in the bottom-most layer, of both forms',
    below: [
      write(async (path) => {
        await plant({ d: null, only: null })(lab, path('.'));
        for (const name of ['d/x', 'gone', 'only/x']) await lab.whiteout(path(name));
        await xattrWhiteout(path('d/y'));
        await xattrWhiteout(path('file'));
      }),
    ],
    layer: base,
    shown: ['d/', 'd/x = 1', 'd/y = 2', 'file = 3', 'only/'],
    changes: ['A file d/x', 'A file d/y', 'A file file'],
  },
  {
    title: 'a whiteout between two layers, and one over a file over it',
    below: [
      base,
      write(async (path) => {
        await lab.whiteout(path('d'));
        await xattrWhiteout(path('file'));
      }),
      plant({ 'd/z': '4', file: '5' }),
    ],
    layer: write(async (path) => {
      await lab.mkdir(path('d'));
      await lab.whiteout(path('d/x'));
      await xattrWhiteout(path('d/z'));
    }),
    shown: ['d/', 'file = 5'],
    changes: ['D file d/z'],
  },
];

/** What other formats mark with: here they are names. */
const names: readonly HandWritten[] = [
  {
    title: 'the whiteouts of OCI layers and of aufs are ordinary names',
    below: [base],
    layer: write(async (path) => {
      await plant({
        'd/.wh.x': '',
        'd/.wh..wh..opq': '',
        '.wh.file': '',
        '.wh..wh.aufs': '',
        '.wh.d/x': '4',
      })(lab, path('.'));
      await lab.whiteout(path('d/.wh.y'));
    }),
    shown: [
      '.wh..wh.aufs = ',
      '.wh.d/',
      '.wh.d/x = 4',
      '.wh.file = ',
      'd/',
      'd/.wh..wh..opq = ',
      'd/.wh.x = ',
      'd/x = 1',
      'd/y = 2',
      'file = 3',
    ],
    changes: [
      'A file .wh..wh.aufs',
      'A directory .wh.d',
      'A file .wh.d/x',
      'A file .wh.file',
      'A file d/.wh..wh..opq',
      'A file d/.wh.x',
    ],
  },
  {
    title: 'names that are equal to marks',
    below: [base],
    layer: write(async (path) => {
      await plant({
        'trusted.overlay.opaque': 'y',
        'user.overlay.whiteout': '',
        'd/overlay.opaque': 'y',
        'index/work': 'x',
        'work/incompat/volatile': null,
        '#1f': '',
      })(lab, path('.'));
      await age(lab, path('d'));
    }),
    shown: [
      '#1f = ',
      'd/',
      'd/overlay.opaque = y',
      'd/x = 1',
      'd/y = 2',
      'file = 3',
      'index/',
      'index/work = x',
      'trusted.overlay.opaque = y',
      'user.overlay.whiteout = ',
      'work/',
      'work/incompat/',
      'work/incompat/volatile/',
    ],
    changes: [
      'A file #1f',
      'A file d/overlay.opaque',
      'A directory index',
      'A file index/work',
      'A file trusted.overlay.opaque',
      'A file user.overlay.whiteout',
      'A directory work',
      'A directory work/incompat',
      'A directory work/incompat/volatile',
    ],
  },
];

layersByHand(test, () => lab, [...byAttribute, ...devices, ...names]);
