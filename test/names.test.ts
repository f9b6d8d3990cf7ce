// Names are bytes: whatever they are, in the tree and in the paths of the layers.
import { readdir } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { changes, listOverlays, mountOverlay } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { play } from './helpers/scenario.ts';
import type { Edit } from './helpers/scene.ts';
import { age, at, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const invalid = {
  'a byte that UTF-8 never has': Buffer.from([0x66, 0xff, 0x6f]),
  'an overlong slash': Buffer.from([0xc0, 0xaf]),
  'half a character': Buffer.from([0x61, 0xe2, 0x82]),
  'a surrogate': Buffer.from([0xed, 0xa0, 0x80]),
  'every byte': Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1).filter((i) => i !== 0x2f)),
};

const valid = {
  newline: 'two\nlines\n',
  tab: 'a\tb',
  space: ' a  b ',
  quotes: `"double" 'single' \`back\``,
  comma: ',a,,b,',
  colon: ':a::b:',
  backslash: '\\a\\\\b\\',
  'an escaped colon': 'a\\:b',
  equals: 'upperdir=a',
  hash: '#a#',
  'an octal escape': '\\072\\040\\012',
  'control characters': 'a\r\u001b[31m\u007f',
  'shell characters': '$(a)`b`*?[c]!;&|<>~{}',
  'a leading dash': '--help',
  'leading dots': '..foo',
  'three dots': '...',
  'an OCI whiteout': '.wh.x',
  'an OCI opaque marker': '.wh..wh..opq',
  'many languages': 'æ漢字🙂e\u0301',
  'a long name': 'n'.repeat(255),
  'a long name of long characters': '字'.repeat(85),
};

const strange: readonly (readonly [string, Buffer])[] = [
  ...Object.entries(valid).map(([what, name]) => [what, Buffer.from(name)] as const),
  ...Object.entries(invalid),
];

/** A line of a list, whose names are latin1. */
const line = (what: string, ...path: readonly [Buffer | string, ...(Buffer | string)[]]): string =>
  `${what} ${at(...path).toString('latin1')}`;

for (const [what, name] of strange) {
  test(`a name in the tree: ${what}`, async (t) => {
    const lines = await play(t, lab, {
      lowers: [
        async (_, lower) => {
          for (const place of ['deleted', 'modified', 'replaced', 'still']) {
            await lab.mkdir(at(lower, place));
            await lab.write(at(lower, place, name), 'x');
            await age(lab, at(lower, place, name));
          }
          await lab.mkdir(at(lower, name));
        },
      ],
      edit: async (_, merged) => {
        await lab.mkdir(at(merged, 'added'));
        await lab.mkdir(at(merged, 'added', name));
        await lab.symlink(name, at(merged, 'added', name, name));
        await lab.append(at(merged, 'modified', name), 'x');
        await lab.unlink(at(merged, 'deleted', name));
        await lab.unlink(at(merged, 'replaced', name));
        await lab.mkdir(at(merged, 'replaced', name));
        await lab.openReadWrite(at(merged, 'still', name));
        await lab.write(at(merged, name, 'new'), 'new');
      },
    });
    const expected = [
      'A directory added',
      line('A directory', 'added', name),
      line('A symlink', 'added', name, name),
      line('D file', 'deleted', name),
      `${line('M file', 'modified', name)} [content,times]`,
      `${line('M file>directory', 'replaced', name)} [type]`,
      line('A file', name, 'new'),
    ];
    // Where the name itself has its place is for the test of the order.
    t.deepEqual([...lines.plain].sort(), expected.sort());
  });

  test(`in the paths of the layers and of the mount point: ${what}`, async (t) => {
    const work = Buffer.concat([Buffer.from('w'), name.subarray(0, 254)]);
    const lines = await play(t, lab, {
      names: { lower: name, upper: name, work, target: name },
      lowers: [plant({ below: '1', shared: '1' }), plant({ above: '2', shared: '2' })],
      edit: async (_, merged, scene) => {
        const overlays = await listOverlays();
        const found = overlays.find((each) => each.targetBytes.equals(merged));
        t.deepEqual(found?.lowerBytes, scene.lowers);
        t.deepEqual(found?.upperBytes, scene.upper);
        t.is((await lab.read(at(merged, 'shared'))).toString(), '2');
        await lab.unlink(at(merged, 'above'));
        await lab.unlink(at(merged, 'below'));
        await lab.write(at(merged, 'new'), 'new');
        t.true(await lab.exists(at(scene.upper, 'new')));
        t.true(await lab.exists(at(scene.work, 'work')));
      },
    });
    t.deepEqual(lines.plain, ['D file above', 'D file below', 'A file new']);
  });
}

test('the order is that of bytes, component by component', async (t) => {
  const names: readonly (string | Buffer)[] = [
    '\n',
    ' ',
    '-a',
    '.a',
    'A',
    'a',
    'a/b',
    'a/b/c',
    'a/c',
    'a\n',
    'a b',
    'a-b',
    'a.b',
    'a0',
    'aB',
    'ab',
    'ab/a',
    'b',
    'é',
    '\uff5e',
    // After the former in bytes, before it in UTF-16.
    '🙂',
    Buffer.from([0xff]),
  ];
  const isDirectory = (name: string | Buffer): boolean =>
    names.some((other) => typeof other === 'string' && other.startsWith(`${name}/`));
  const make: Edit = async (_, directory) => {
    for (const name of names) {
      if (isDirectory(name)) await lab.mkdir(at(directory, name));
      else await lab.fifo(at(directory, name));
    }
  };
  const expected = (kind: string): string[] =>
    names.map((name) =>
      line(`${kind} ${isDirectory(name) ? 'directory' : 'fifo'}`, name).replace(' /', ' '),
    );
  const lines = await play(t, lab, { edit: make });
  t.deepEqual(lines.plain, expected('A'));
  const gone = await play(t, lab, {
    lowers: [make],
    edit: async (_, merged) => {
      for (const name of await lab.list(merged)) await lab.rmtree(at(merged, name));
    },
  });
  t.deepEqual(gone.expanded, expected('D'));
});

test('the text of a name, and its bytes where the text is not enough', async (t) => {
  const scene = await startScene(t, lab, 1);
  const { lowers: lower, upper, target } = scene;
  await lab.mkdir(upper);
  await lab.mkdir(at(upper, 'é'));
  await lab.mkdir(at(upper, 'é', Buffer.from([0xff])));
  await using overlay = await mountOverlay({ lower, upper, work: scene.work, target });
  const found: unknown[] = [];
  for await (const { path, pathBytes } of overlay.changes()) found.push([path, pathBytes]);
  t.deepEqual(found, [
    ['é', undefined],
    ['é/\ufffd', at('é', Buffer.from([0xff]))],
  ]);
});

/** Directories one in another, with a file in the inner-most. Made from the inside out: the kernel
 * takes no paths of such a length. */
async function nest(directory: Buffer, levels: number, name: string): Promise<void> {
  await lab.write(at(directory, 'leaf'), 'leaf');
  await age(lab, at(directory, 'leaf'));
  await lab.mkdir(at(directory, 'inner'));
  await lab.rename(at(directory, 'leaf'), at(directory, 'inner', 'leaf'));
  for (let level = 1; level < levels; level++) {
    await lab.mkdir(at(directory, 'outer'));
    await lab.rename(at(directory, 'inner'), at(directory, 'outer', name));
    await lab.rename(at(directory, 'outer'), at(directory, 'inner'));
  }
}

for (const [title, levels, name] of [
  ['paths longer than PATH_MAX', 25, 'n'.repeat(200)],
  ['2000 levels', 2000, 'd'],
] as const) {
  // Alone, since it counts the descriptors of the process.
  test.serial(title, async (t) => {
    const way = Array<string>(levels - 1).fill(name);
    const inner = (root: string): string => [root, ...way].join('/');
    const lines = await play(t, lab, {
      lowers: [
        async (_, lower) => {
          for (const root of ['deleted', 'modified']) {
            await nest(lower, levels, name);
            await lab.rename(at(lower, 'inner'), at(lower, root));
          }
        },
      ],
      edit: async (_, merged, { upper, lowers: lower }) => {
        await nest(merged, levels, name);
        await lab.rename(at(merged, 'inner'), at(merged, 'added'));
        await lab.append(at(merged, inner('modified'), 'leaf'), '!');
        await lab.write(at(merged, inner('modified'), 'new'), 'new');
        await lab.rmtree(at(merged, 'deleted'));
        let most = 0;
        for await (const _change of changes({ upper, lower, xattrs: own })) {
          most = Math.max(most, (await readdir('/proc/self/fd')).length);
        }
        t.true(most < 512, `${most} descriptors`);
      },
    });
    const all = (letter: string, root: string): string[] => [
      ...['', ...way].map((_, i) => `${letter} directory ${[root, ...way.slice(0, i)].join('/')}`),
      `${letter} file ${inner(root)}/leaf`,
    ];
    const modified = [
      `M file ${inner('modified')}/leaf [content,times]`,
      `A file ${inner('modified')}/new`,
    ];
    const plain = [...all('A', 'added'), 'D directory deleted', ...modified];
    t.true(isDeepStrictEqual(lines.plain, plain));
    const expanded = [...all('A', 'added'), ...all('D', 'deleted'), ...modified];
    t.true(isDeepStrictEqual(lines.expanded, expanded));
  });
}
