// Whose word counts for the marks of layers: the mount's, the caller's, or the layers' own.
import test from 'ava';
import type { ChangesSource } from 'overlayfs';
import { changes, OverlayError } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import type { Edit, Scene } from './helpers/scene.ts';
import {
  asUser,
  at,
  makeLowers,
  mountByLab,
  mountView,
  plant,
  startScene,
} from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const rootTest = asUser ? test.skip : test;

async function list(source: ChangesSource, signal?: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  for await (const { kind, path, aspects } of changes(source, signal && { signal })) {
    lines.push(`${kind} ${path} ${aspects.join()}`.trimEnd());
  }
  return lines;
}

/** Two directories with a file each, and an upper that has the directories. */
async function layers(t: Parameters<typeof startScene>[0], lowers = 1): Promise<Scene> {
  const scene = await startScene(t, lab, lowers);
  const tree = plant({ 'd/x': 'x', 'e/y': 'y' });
  await makeLowers(
    scene,
    scene.lowers.map(() => tree),
  );
  await lab.mkdir(scene.upper);
  await plant({ d: null, e: null })(lab, scene.upper);
  return scene;
}

const opaque = (path: Buffer, space: string): Promise<void> =>
  lab.setXattr(path, `${space}.overlay.opaque`, 'y');

rootTest('marks of both namespaces need a decision [root only]', async (t) => {
  const scene = await layers(t, 2);
  const { upper, lowers: lower } = scene;
  await opaque(at(upper, 'd'), 'trusted');
  t.deepEqual(await list({ upper, lower }), ['deleted d/x']);
  await opaque(at(upper, 'e'), 'user');
  const error = await t.throwsAsync(list({ upper, lower }), { instanceOf: OverlayError });
  t.like(error, { code: 'ENOTSUP', path: at(upper, 'e').toString() });
  t.regex(`${(error as OverlayError).hint}`, /`xattrs: 'trusted'` or `xattrs: 'user'`/);
  // To the one the other's marks are attributes like any other.
  t.deepEqual(await list({ upper, lower, xattrs: 'trusted' }), [
    'deleted d/x',
    'modified e xattrs',
  ]);
  t.deepEqual(await list({ upper, lower, xattrs: 'user' }), ['modified d xattrs', 'deleted e/y']);
});

rootTest('… wherever they are [root only]', async (t) => {
  const onOne: Edit = async (_, path) => {
    for (const space of ['trusted', 'user']) await opaque(at(path, 'd'), space);
  };
  const places: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
    ['on one directory', ({ upper }) => onOne(lab, upper)],
    [
      'in the upper and in a lower',
      async ({ upper, lowers: [lower = upper] }) => {
        await opaque(at(lower, 'd'), 'trusted');
        await opaque(at(upper, 'd'), 'user');
      },
    ],
    [
      'of other names',
      async ({ upper }) => {
        await plant({ 'd/x': 'changed', 'e/y': 'changed' })(lab, upper);
        await lab.setXattr(at(upper, 'd/x'), 'trusted.overlay.origin', '');
        await lab.setXattr(at(upper, 'e/y'), 'user.overlay.origin', '');
      },
    ],
    [
      'of a whiteout',
      async ({ upper }) => {
        await opaque(at(upper, 'd'), 'user');
        await lab.write(at(upper, 'e/y'), '');
        await lab.setXattr(at(upper, 'e/y'), 'trusted.overlay.whiteout', '');
      },
    ],
  ];
  for (const [what, mark] of places) {
    const scene = await layers(t, 2);
    const { upper, lowers: lower } = scene;
    await mark(scene);
    await t.throwsAsync(list({ upper, lower }), { code: 'ENOTSUP' }, what);
    for (const xattrs of ['trusted', 'user'] as const) {
      await t.notThrowsAsync(list({ upper, lower, xattrs }), what);
    }
  }
});

rootTest('undecided, the namespace that is there counts [root only]', async (t) => {
  for (const space of ['trusted', 'user']) {
    const scene = await layers(t);
    const { upper, lowers: lower } = scene;
    t.deepEqual(await list({ upper, lower }), []);
    await lab.setXattr(at(upper, 'd'), 'trusted.other', '');
    await lab.setXattr(at(upper, 'd'), 'user.overlay', '');
    t.deepEqual(await list({ upper, lower }), ['modified d xattrs']);
    await opaque(at(upper, 'd'), space);
    t.deepEqual(await list({ upper, lower }), ['modified d xattrs', 'deleted d/x']);
  }
});

if (asUser) {
  test('undecided is an error where half of the marks is hidden', async (t) => {
    const { upper, lowers: lower } = await layers(t);
    await opaque(at(upper, 'd'), 'user');
    await t.throwsAsync(list({ upper, lower }), { code: 'EPERM' });
    await t.throwsAsync(list({ upper, lower, xattrs: 'trusted' }), { code: 'EPERM' });
    t.deepEqual(await list({ upper, lower, xattrs: 'user' }), ['deleted d/x']);
  });
}

const code = async (promise: Promise<unknown>): Promise<string | undefined> => {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

interface Unfollowed {
  readonly title: string;
  readonly written: readonly string[];
  readonly read: readonly string[];
  readonly edit: Edit;
  readonly entry: string;
  readonly byName: readonly string[];
}

const unfollowed: readonly Unfollowed[] = [
  {
    title: 'a redirect and redirect_dir=nofollow',
    written: ['redirect_dir=on'],
    read: ['redirect_dir=nofollow'],
    edit: (_, merged) => lab.rename(at(merged, 'd'), at(merged, 'z')),
    entry: 'z',
    byName: ['deleted d', 'added z', 'added z/x'],
  },
  {
    title: 'a metacopy and metacopy=off',
    written: ['metacopy=on'],
    read: ['metacopy=off'],
    edit: (_, merged) => lab.chmod(at(merged, 'd/x'), 0o600),
    entry: 'd/x',
    byName: ['modified d/x mode'],
  },
];

for (const { title, written, read, edit, entry, byName } of unfollowed) {
  rootTest(`what the mount does not follow is an error: ${title} [root only]`, async (t) => {
    const scene = await startScene(t, lab, 1);
    await makeLowers(scene, [plant({ 'd/x': 'x', 'e/y': 'y' })]);
    const { upper, lowers: lower, target } = scene;
    const close = await mountByLab(scene, written);
    await edit(lab, target).finally(close);
    t.teardown(await mountByLab(scene, read));
    t.is(await code(lab.stat(at(target, entry))), 'EPERM');
    const error = await t.throwsAsync(list(target), { instanceOf: OverlayError, code: 'ENOTSUP' });
    t.is((error as OverlayError).path, at(upper, entry).toString());
    t.regex(`${(error as OverlayError).hint}`, new RegExp(`${read}.*\`upper\` and \`lower\``));
    t.deepEqual(await list({ upper, lower }), byName);
  });
}

/** Redirects that do not get as far as being followed. */
const idle: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
  [
    'in a directory of the upper alone',
    async ({ upper }) => {
      await plant({ 'new/sub': null })(lab, upper);
      await lab.setXattr(at(upper, 'new/sub'), 'trusted.overlay.redirect', '/d');
    },
  ],
  [
    'in a lower that is the last to have the directory above',
    async ({ lowers: [lower = Buffer.of()] }) => {
      await plant({ 'p/q/z': 'z' })(lab, lower);
      await lab.setXattr(at(lower, 'p/q'), 'trusted.overlay.redirect', '/d');
    },
  ],
];

for (const [title, mark] of idle) {
  rootTest(
    `redirect_dir=nofollow, and a redirect that is not met: ${title} [root only]`,
    async (t) => {
      const scene = await layers(t, 2);
      await plant({ 'p/q': null })(lab, scene.upper);
      await mark(scene);
      t.teardown(await mountView(scene, ['redirect_dir=nofollow']));
      t.teardown(await mountByLab(scene, ['redirect_dir=nofollow']));
      const options = { own: 'trusted', upper: scene.upper } as const;
      const oracle = await lab.compare(scene.before, scene.target, options);
      t.deepEqual(
        await list(scene.target),
        oracle.map(({ kind, path, aspects }) => `${kind} ${path} ${aspects.join()}`.trimEnd()),
      );
    },
  );
}
