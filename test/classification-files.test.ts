// The rules of docs/classification.md about renames, files and hard links.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Change, ChangesSource } from 'overlayfs';
import { changes } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { added } from './helpers/lines.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit, Scene } from './helpers/scene.ts';
import { age, asUser, at, makeLowers, mountByLab, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

type Place = (name: string) => Buffer;

/** `f`, `g` and a group of two hard links beside a directory. */
const lower: Edit = async (_, layer) => {
  await plant({ f: 'content', g: 'CONTENT', 'd/x': 'x', link: { link: 'f' }, one: 'one' })(
    lab,
    layer,
  );
  await lab.link(at(layer, 'one'), at(layer, 'd/two'));
};

const done = (
  title: string,
  edit: (path: Place) => Promise<void>,
  expected: readonly string[],
  more: Partial<Case> = {},
): Case => ({
  title,
  lowers: [lower],
  edit: (_, merged) => edit((name) => at(merged, name)),
  expected,
  ...more,
});

const files: readonly Case[] = [
  {
    ...done(
      'R20: directories that change places are compared entry by entry',
      async (path) => {
        await lab.mkdir(path('n'));
        await plant({ 'n/y': 'y' })(lab, path('.'));
        await lab.exchange(path('n'), path('d'));
      },
      ['D file d/two', 'D file d/x', 'A file d/y', 'A directory n', 'A file n/two', 'A file n/x'],
    ),
    options: ['redirect_dir=on'],
    rootOnly: true,
  },
  done(
    'R22: a copy-up that changed nothing is none',
    async (path) => {
      await lab.openReadWrite(path('f'));
      await lab.chmod(path('g'), 0o600);
      await lab.chmod(path('g'), 0o644);
      await lab.rename(path('link'), path('away'));
      await lab.rename(path('away'), path('link'));
      await lab.write(path('d/x'), 'x');
      await age(lab, path('d/x'));
    },
    [],
  ),
  done(
    'R23: bytes count where size and time are equal',
    async (path) => {
      await lab.writeAt(path('f'), 3, 'T');
      await age(lab, path('f'));
    },
    ['M file f [content]'],
  ),
  done(
    'R24: the time of a file counts, that of a directory does not',
    async (path) => {
      await lab.utimens(path('f'), 1n, 2n);
      await lab.utimens(path('d'), 1n, 2n);
      await lab.utimens(path('link'), 1n, 2n);
    },
    ['M file f [times]', 'M symlink link [times]'],
  ),
  done(
    'R25: mode and attributes count on every type',
    async (path) => {
      await lab.chmod(path('d'), 0o700);
      await lab.setXattr(path('f'), 'user.x', 'y');
      await lab.setAcl(path('g'), 'access', 'u::rw-,u:0:r--,g::r--,m::r--,o::r--');
    },
    ['M directory d [mode]', 'M file f [xattrs]', 'M file g [xattrs]'],
  ),
  {
    ...done(
      'R25: owner and capabilities count, and attributes that look like marks from inside',
      async (path) => {
        await lab.chown(path('d'), 1, 2);
        await lab.chown(path('link'), 3, 4);
        const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
        await lab.setXattr(path('f'), 'security.capability', capability);
        await lab.setXattr(path('g'), 'trusted.overlay.opaque', 'y');
      },
      ['M directory d [owner]', 'M file f [xattrs]', 'M file g [xattrs]', 'M symlink link [owner]'],
    ),
    rootOnly: true,
  },
  done(
    'R26: the target of a link counts',
    async (path) => {
      await lab.unlink(path('link'));
      await lab.symlink('g', path('link'));
      await age(lab, path('link'));
    },
    ['M symlink link [target]'],
  ),
  {
    ...done(
      'R27: a metacopy has attributes of its own and the data of the lower',
      async (path) => {
        await lab.chmod(path('f'), 0o600);
        await lab.chmod(path('g'), 0o600);
        await lab.chmod(path('g'), 0o644);
        await lab.rename(path('d/x'), path('moved'));
      },
      ['D file d/x', 'M file f [mode]', 'A file moved'],
    ),
    options: ['metacopy=on'],
    rootOnly: true,
  },
  done('R29: a copy-up takes one name out of its group', (path) => lab.openReadWrite(path('one')), [
    'M file one [links]',
  ]),
  done(
    'R30: names made a group again are no change',
    async (path) => {
      await lab.unlink(path('one'));
      await lab.unlink(path('d/two'));
      await plant({ one: 'one' })(lab, path('.'));
      await lab.link(path('one'), path('d/two'));
    },
    [],
  ),
];

playAll(test, () => lab, files);

type Sources = readonly [mounted: ChangesSource, named: ChangesSource];

/** Mounts, edits, and gives the overlay by its mount point and by its layers to `check`. */
async function edited(
  t: ExecutionContext,
  options: readonly string[],
  edit: (path: Place) => Promise<void>,
  check: (sources: Sources, scene: Scene) => Promise<void>,
): Promise<void> {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [lower]);
  const close = await mountByLab(scene, options);
  t.teardown(close);
  await edit((name) => at(scene.target, name));
  const { upper, work, lowers, target } = scene;
  await check([target, { upper, work, lower: lowers }], scene);
}

async function all(source: ChangesSource): Promise<Change[]> {
  const list: Change[] = [];
  for await (const change of changes(source)) list.push(change);
  return list;
}

const brief = ({ kind, path, aspects, renamedFrom }: Change): string =>
  `${kind} ${path}${renamedFrom === undefined ? '' : ` from ${renamedFrom}`}${aspects.length > 0 ? ` [${aspects}]` : ''}`;

interface Told {
  readonly title: string;
  readonly options: readonly string[];
  readonly edit: (path: Place) => Promise<void>;
  readonly expected: readonly string[];
}

const told: readonly Told[] = [
  {
    title: 'R19: a renamed directory is added with all it shows, and says where it was',
    options: ['redirect_dir=on'],
    edit: async (path) => {
      await lab.rename(path('d'), path('n'));
      await plant({ 'n/new': 'new' })(lab, path('.'));
    },
    expected: ['deleted d', 'added n from d', 'added n/new', 'added n/two', 'added n/x'],
  },
  {
    title: 'R21: a renamed file says where it was, also where it took the place of another',
    options: [],
    edit: async (path) => {
      await lab.rename(path('d/x'), path('moved'));
      await lab.rename(path('g'), path('f'));
      await plant({ tmp: 'tmp' })(lab, path('.'));
      await lab.rename(path('tmp'), path('new'));
    },
    expected: [
      'deleted d/x',
      'modified f from g [content]',
      'deleted g',
      'added moved from d/x',
      'added new',
    ],
  },
  {
    title: 'R31: with an index a change to one name shows under all',
    options: ['index=on'],
    edit: async (path) => {
      await lab.chmod(path('one'), 0o600);
    },
    expected: ['modified d/two [mode]', 'modified one [mode]'],
  },
  {
    title: 'R31: with an index a change shows even when its own name is gone',
    options: ['index=on'],
    edit: async (path) => {
      await lab.chmod(path('one'), 0o600);
      await lab.unlink(path('one'));
    },
    expected: ['modified d/two [mode,links]', 'deleted one'],
  },
];

for (const { title, options, edit, expected } of told) {
  // An ordinary user's mount records no handles, follows no redirects and has no index.
  const register = asUser ? test.skip : test;
  register(`${title} [root only]`, async (t) => {
    await edited(t, options, edit, async (sources) => {
      for (const source of sources) t.deepEqual((await all(source)).map(brief), expected);
    });
  });
}

(asUser ? test.skip : test)('R28: a metacopy without data is an error [root only]', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [lower]);
  await lab.mkdir(scene.upper);
  await plant({ n: '' })(lab, scene.upper);
  await lab.truncate(at(scene.upper, 'n'), 7);
  await lab.setXattr(at(scene.upper, 'n'), 'trusted.overlay.metacopy', '');
  t.teardown(await mountByLab(scene, ['metacopy=on']));
  const seen = await t.throwsAsync(lab.stat(at(scene.target, 'n')));
  t.is((seen as { code?: string }).code, 'EIO');
  const error = await t.throwsAsync(all(scene.target));
  t.is((error as { code?: string }).code, 'EIO');
  t.regex(error?.message ?? '', /none of the lowers given has its data/);
});

test('a whole new tree is listed entry by entry', async (t) => {
  await edited(
    t,
    [],
    (path) => plant({ 'n/m/o': 'o', 'n/p': 'p' })(lab, path('.')),
    async ([mounted]) => {
      const lines = (await all(mounted)).map(({ type, path }) => `A ${type} ${path}`);
      t.deepEqual(lines, added('n', 'm/', 'm/o', 'p'));
    },
  );
});

(asUser ? test.skip : test)(
  'R27: the data of a metacopy need not be as long as the file [root only]',
  async (t) => {
    const scene = await startScene(t, lab, 1);
    await makeLowers(scene, [plant({ f: 'aaaaaXXXXX', g: 'aaaaa' })]);
    await lab.mkdir(scene.upper);
    await lab.write(at(scene.upper, 'f'), '');
    await lab.truncate(at(scene.upper, 'f'), 10);
    await age(lab, at(scene.upper, 'f'));
    await lab.setXattr(at(scene.upper, 'f'), 'trusted.overlay.metacopy', '');
    await lab.setXattr(at(scene.upper, 'f'), 'trusted.overlay.redirect', 'g');
    t.teardown(await mountByLab(scene, ['metacopy=on']));
    t.is((await lab.read(at(scene.target, 'f'))).toString(), 'aaaaa');
    t.deepEqual((await all(scene.target)).map(brief), ['modified f from g [content]']);
  },
);
