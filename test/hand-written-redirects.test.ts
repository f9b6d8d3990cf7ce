// Redirects that no mount would write, or that lie about what is there.
import test from 'ava';
import type { HandWritten } from './helpers/hand-written.ts';
import { layersByHand } from './helpers/hand-written.ts';
import { Lab } from './helpers/lab.ts';
import { added, deleted } from './helpers/lines.ts';
import type { Edit, Tree } from './helpers/scene.ts';
import { at, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const base = plant({ 'a/x': '1', 'a/deep/y': '2', 'b/z': '3', file: '4' });

/** A layer with marks by path, and whiteouts as they are where something was renamed. */
const layer =
  (
    tree: Tree,
    marks: Readonly<Record<string, Readonly<Record<string, string>>>>,
    gone: readonly string[] = [],
  ): Edit =>
  async (_, root) => {
    await plant(tree)(lab, root);
    for (const name of gone) await lab.whiteout(at(root, name));
    for (const [path, values] of Object.entries(marks)) {
      for (const [name, value] of Object.entries(values)) {
        await lab.setXattr(at(root, path), `trusted.overlay.${name}`, value);
      }
    }
  };

const rest = ['b/', 'b/z = 3', 'file = 4'];
const withNew = (...lines: readonly string[]): string[] => [...rest, 'new/', ...lines];

const redirected = (to: string, shown: readonly string[], changes: readonly string[]) => {
  const expected = ['A directory new', ...changes];
  return {
    below: [base],
    rootOnly: true,
    layer: layer({ 'new/own': '5' }, { new: { redirect: to } }, ['a']),
    shown: withNew(...shown),
    changes: ['D directory a', ...expected],
    expanded: [...deleted('a', 'deep/', 'deep/y', 'x'), ...expected],
  } as const;
};

const refused = (title: string, to: string): HandWritten => ({
  title: `redirect ${title}`,
  below: [base],
  rootOnly: true,
  layer: layer({ 'new/own': '5' }, { new: { redirect: to } }, ['a']),
  shown: [...rest, 'new EINVAL'],
  refused: { code: 'EINVAL', path: 'new' },
});

/** Refused when the search in the layer below gets to it; that place is what the error names. */
const refusedThere = (to: string, path: string): HandWritten => ({
  ...refused(`through a dot, ${to}`, to),
  shown: [...rest, 'new EACCES'],
  refused: { code: 'EACCES', path, below: 0 },
});

const onlyOwn = [['new/own = 5'], ['A file new/own']] as const;
const all = [
  ['new/deep/', 'new/deep/y = 2', 'new/own = 5', 'new/x = 1'],
  ['A directory new/deep', 'A file new/deep/y', 'A file new/own', 'A file new/x'],
] as const;

const values: readonly HandWritten[] = [
  { title: 'redirect, relative', ...redirected('a', ...all) },
  { title: 'redirect, absolute', ...redirected('/a', ...all) },
  {
    title: 'redirect, absolute and deep',
    ...redirected('/a/deep', ['new/own = 5', 'new/y = 2'], ['A file new/own', 'A file new/y']),
  },
  { title: 'redirect to nothing, relative', ...redirected('nothing', ...onlyOwn) },
  { title: 'redirect to nothing, absolute', ...redirected('/a/nothing/deep', ...onlyOwn) },
  { title: 'redirect to a file', ...redirected('file', ...onlyOwn) },
  { title: 'redirect below a file', ...redirected('/file/a', ...onlyOwn) },
  { title: 'redirect to itself', ...redirected('new', ...onlyOwn) },
  { title: 'redirect with bytes after a NUL', ...redirected('a\0/b', ...all) },
  refused('that is empty', ''),
  refused('with two slashes', '/a//deep'),
  refused('that is two slashes', '//'),
  refused('that is a slash', '/'),
  refused('with a slash at the end', '/a/'),
  refused('that is relative and has a slash', 'a/deep'),
  refused('that is relative and ends with a slash', 'a/'),
  refusedThere('.', '.'),
  refusedThere('..', '..'),
  refusedThere('/.', '.'),
  refusedThere('/..', '..'),
  refusedThere('/a/..', 'a/..'),
  refusedThere('/a/./deep', 'a/.'),
  refusedThere('/../a', '..'),
  // To the kernel it is empty, and is refused later than an empty one.
  {
    ...refused('that is a NUL', '\0a'),
    shown: [...rest, 'new EACCES'],
  },
];

const places: readonly HandWritten[] = [
  {
    title: 'redirect of a directory that covers another',
    below: [base],
    rootOnly: true,
    layer: layer({ 'a/own': '5' }, { a: { redirect: 'b' } }, ['b']),
    shown: ['a/', 'a/own = 5', 'a/z = 3', 'file = 4'],
    changes: ['D directory a/deep', 'A file a/own', 'D file a/x', 'A file a/z', 'D directory b'],
    expanded: [
      ...deleted('a/deep', 'y'),
      'A file a/own',
      'D file a/x',
      'A file a/z',
      ...deleted('b', 'z'),
    ],
  },
  {
    title: 'redirect on the root of a layer',
    below: [base],
    rootOnly: true,
    layer: layer({ own: '5' }, { '.': { redirect: '/a', opaque: 'y' } }),
    shown: ['a/', 'a/deep/', 'a/deep/y = 2', 'a/x = 1', ...rest, 'own = 5'],
    changes: ['A file own'],
  },
  ...['/b', '//'].map(
    (redirect): HandWritten => ({
      title: `redirect ${redirect} and opaque=y: nothing is below`,
      below: [base],
      rootOnly: true,
      layer: layer({ 'a/x': '1' }, { a: { redirect, opaque: 'y' } }),
      shown: ['a/', 'a/x = 1', ...rest],
      changes: ['D directory a/deep'],
      expanded: deleted('a/deep', 'y'),
    }),
  ),
  {
    title: 'redirect and opaque=x',
    below: [base],
    rootOnly: true,
    layer: layer({ 'new/own': '5' }, { new: { redirect: '/b', opaque: 'x' } }, ['a', 'b']),
    shown: ['file = 4', 'new/', 'new/own = 5', 'new/z = 3'],
    changes: ['D directory a', 'D directory b', ...added('new', 'own', 'z')],
    expanded: [
      ...deleted('a', 'deep/', 'deep/y', 'x'),
      ...deleted('b', 'z'),
      ...added('new', 'own', 'z'),
    ],
  },
  {
    title: 'redirect on a file, a link, a FIFO and a device',
    below: [base],
    rootOnly: true,
    layer: async (_, root) => {
      await lab.fifo(at(root, 'fifo'));
      await lab.mknod(at(root, 'null'), 'c', 0o666, 1, 3);
      await plant({ 'b/z': '3', link: { link: 'a' } })(lab, root);
      for (const name of ['b/z', 'link', 'fifo', 'null']) {
        await lab.setXattr(at(root, name), 'trusted.overlay.redirect', '//');
      }
      await lab.whiteout(at(root, 'a'));
    },
    shown: ['b/', 'b/z = 3', 'fifo (fifo)', 'file = 4', 'link -> a', 'null (character-device)'],
    changes: ['D directory a', 'A fifo fifo', 'A symlink link', 'A character-device null'],
    expanded: [
      ...deleted('a', 'deep/', 'deep/y', 'x'),
      'A fifo fifo',
      'A symlink link',
      'A character-device null',
    ],
  },
  {
    title: 'two directories with one redirect, one inside the other, and the old place still there',
    below: [base],
    rootOnly: true,
    aliases: true,
    layer: layer(
      { 'one/own': '5', 'two/three': null },
      { one: { redirect: '/b' }, two: { redirect: '/b' }, 'two/three': { redirect: '/b' } },
      ['a'],
    ),
    shown: [
      'b/',
      'b/z = 3',
      'file = 4',
      'one/',
      'one/own = 5',
      'one/z = 3',
      'two/',
      'two/three/',
      'two/three/z = 3',
      'two/z = 3',
    ],
  },
];

/** The whole of `new`, and nothing of where it came from. */
const moved = (from: string, ...gone: readonly string[]): Edit =>
  layer({ 'new/own': '0' }, { new: { redirect: from } }, gone);

const stacks: readonly HandWritten[] = [
  {
    title: 'redirects through three lowers',
    below: [
      plant({ 'one/bottom': '1' }),
      layer({ 'two/middle': '2' }, { two: { redirect: 'one' } }, ['one']),
      layer({ 'p/three/top': '3' }, { 'p/three': { redirect: '/two' } }, ['two']),
    ],
    rootOnly: true,
    layer: moved('/p/three', 'p'),
    shown: ['new/', 'new/bottom = 1', 'new/middle = 2', 'new/own = 0', 'new/top = 3'],
    changes: [...added('new', 'bottom', 'middle', 'own', 'top'), 'D directory p'],
    expanded: [
      ...added('new', 'bottom', 'middle', 'own', 'top'),
      ...deleted('p', 'three/', 'three/bottom', 'three/middle', 'three/top'),
    ],
  },
  {
    title: 'an opaque directory on the way of an absolute redirect',
    below: [plant({ 'p/q/bottom': '1' }), layer({ 'p/q/middle': '2' }, { p: { opaque: 'y' } })],
    rootOnly: true,
    layer: moved('/p/q', 'p'),
    shown: ['new/', 'new/middle = 2', 'new/own = 0'],
    changes: [...added('new', 'middle', 'own'), 'D directory p'],
    expanded: [...added('new', 'middle', 'own'), ...deleted('p', 'q/', 'q/middle')],
  },
  {
    title: 'an opaque directory on the way, and below it an absolute redirect',
    below: [
      plant({ 'p/q/bottom': '1', 'r/bottom': '2' }),
      layer({ 'p/q/middle': '3' }, { p: { opaque: 'y' }, 'p/q': { redirect: '/r' } }, ['r']),
    ],
    rootOnly: true,
    layer: moved('/p/q', 'p'),
    shown: ['new/', 'new/bottom = 2', 'new/middle = 3', 'new/own = 0'],
    changes: [...added('new', 'bottom', 'middle', 'own'), 'D directory p'],
    expanded: [
      ...added('new', 'bottom', 'middle', 'own'),
      ...deleted('p', 'q/', 'q/bottom', 'q/middle'),
    ],
  },
  {
    title: 'an opaque directory on the way, and below it a relative redirect',
    below: [
      plant({ 'p/q/bottom': '1', 'p/r/bottom': '2' }),
      layer({ 'p/q/middle': '3' }, { p: { opaque: 'y' }, 'p/q': { redirect: 'r' } }),
    ],
    rootOnly: true,
    layer: moved('/p/q', 'p'),
    shown: ['new/', 'new/middle = 3', 'new/own = 0'],
    changes: [...added('new', 'middle', 'own'), 'D directory p'],
    expanded: [...added('new', 'middle', 'own'), ...deleted('p', 'q/', 'q/middle')],
  },
  {
    title: 'relative redirects on the way and at the end of an absolute one',
    below: [
      plant({ 'o/p/r/bottom': '1', 'o/p/q/hidden': '2', 'r/wrong': '3' }),
      layer({ 'o/p/q/middle': '4' }, { 'o/p/q': { redirect: 'r' } }, ['o/p/r']),
      layer({ 'o/n/q/upper': '5' }, { 'o/n': { redirect: 'p' } }, ['o/p']),
    ],
    rootOnly: true,
    layer: moved('/o/n/q', 'o', 'r'),
    shown: ['new/', 'new/bottom = 1', 'new/middle = 4', 'new/own = 0', 'new/upper = 5'],
    changes: [
      ...added('new', 'bottom', 'middle', 'own', 'upper'),
      'D directory o',
      'D directory r',
    ],
    expanded: [
      ...added('new', 'bottom', 'middle', 'own', 'upper'),
      ...deleted('o', 'n/', 'n/q/', 'n/q/bottom', 'n/q/middle', 'n/q/upper'),
      ...deleted('r', 'wrong'),
    ],
  },
  {
    title: 'a redirected directory on the way of an absolute redirect',
    below: [
      plant({ 'old/q/bottom': '1', 'p/q/hidden': '2' }),
      layer({ 'p/q/middle': '3' }, { p: { redirect: '/old' } }, ['old']),
    ],
    rootOnly: true,
    layer: moved('/p/q', 'p'),
    shown: ['new/', 'new/bottom = 1', 'new/middle = 3', 'new/own = 0'],
    changes: [...added('new', 'bottom', 'middle', 'own'), 'D directory p'],
    expanded: [
      ...added('new', 'bottom', 'middle', 'own'),
      ...deleted('p', 'q/', 'q/bottom', 'q/middle'),
    ],
  },
  {
    title: 'a redirected directory on the way, and the last component missing in its layer',
    below: [
      plant({ 'old/q/bottom': '1', 'p/q/hidden': '2' }),
      layer({ p: null }, { p: { redirect: 'old' } }, ['old']),
    ],
    rootOnly: true,
    layer: moved('/p/q', 'p'),
    shown: ['new/', 'new/bottom = 1', 'new/own = 0'],
    changes: [...added('new', 'bottom', 'own'), 'D directory p'],
    expanded: [...added('new', 'bottom', 'own'), ...deleted('p', 'q/', 'q/bottom')],
  },
  {
    title: 'whiteouts on the way and at the end',
    below: [plant({ 'p/q/bottom': '1', 'r/bottom': '2' }), layer({}, {}, ['p', 'r'])],
    rootOnly: true,
    layer: layer(
      { 'new/own': '3', 'other/own': '4' },
      { new: { redirect: '/p/q' }, other: { redirect: 'r' } },
    ),
    shown: ['new/', 'new/own = 3', 'other/', 'other/own = 4'],
    changes: [...added('new', 'own'), ...added('other', 'own')],
  },
  {
    title: 'a file on the way in a layer between',
    below: [plant({ 'p/q/bottom': '1' }), plant({ p: 'file' })],
    rootOnly: true,
    layer: moved('/p/q'),
    shown: ['new/', 'new/own = 0', 'p = file'],
    changes: added('new', 'own'),
  },
  {
    title: 'a redirect that is refused, on the way of another',
    below: [plant({ 'p/q/bottom': '1' }), layer({ 'p/q': null }, { p: { redirect: '' } })],
    rootOnly: true,
    layer: moved('/p/q', 'p'),
    shown: ['new EINVAL'],
    refused: { code: 'EINVAL', path: 'p', below: 1 },
  },
  {
    title: 'a redirect in the bottom-most layer is not looked at',
    below: [layer({ 'p/x': '1' }, { p: { redirect: '//' } })],
    rootOnly: true,
    layer: plant({ 'p/y': '2' }),
    shown: ['p/', 'p/x = 1', 'p/y = 2'],
    changes: ['A file p/y'],
  },
  {
    title: 'a relative redirect in a directory with an absolute one',
    below: [plant({ 'a/one/x': '1', 'b/one/x': '2', 'b/two/y': '3' })],
    rootOnly: true,
    layer: layer({ 'a/own/new': '4' }, { a: { redirect: '/b' }, 'a/own': { redirect: 'two' } }, [
      'b',
      'a/two',
    ]),
    shown: ['a/', 'a/one/', 'a/one/x = 2', 'a/own/', 'a/own/new = 4', 'a/own/y = 3'],
    changes: ['M file a/one/x [content]', ...added('a/own', 'new', 'y'), 'D directory b'],
    expanded: [
      'M file a/one/x [content]',
      ...added('a/own', 'new', 'y'),
      ...deleted('b', 'one/', 'one/x', 'two/', 'two/y'),
    ],
  },
  {
    title: 'a redirect in a lower, under a directory that the layer makes opaque',
    below: [plant({ 'a/x': '1' }), layer({ 'b/middle': '2' }, { b: { redirect: 'a' } }, ['a'])],
    rootOnly: true,
    layer: layer({ 'b/own': '3' }, { b: { opaque: 'y' } }),
    shown: ['b/', 'b/own = 3'],
    changes: ['D file b/middle', 'A file b/own', 'D file b/x'],
  },
  {
    title: 'redirects that cross each other in two layers',
    below: [
      plant({ 'a/x': '1', 'b/y': '2' }),
      layer({ 'a/p': '3', 'b/q': '4' }, { a: { redirect: '/b' }, b: { redirect: '/a' } }),
    ],
    rootOnly: true,
    layer: layer({ a: null, b: null }, { a: { redirect: '/b' }, b: { redirect: '/a' } }),
    shown: ['a/', 'a/q = 4', 'a/x = 1', 'b/', 'b/p = 3', 'b/y = 2'],
    changes: [
      'D file a/p',
      'A file a/q',
      'A file a/x',
      'D file a/y',
      'A file b/p',
      'D file b/q',
      'D file b/x',
      'A file b/y',
    ],
  },
];

layersByHand(test, () => lab, [...values, ...places, ...stacks]);
