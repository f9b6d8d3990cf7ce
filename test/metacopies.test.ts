// Uppers and lowers that mounts with metacopy=on have written: attributes in one layer, data in another.
import test from 'ava';
import { changes } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { added, deleted } from './helpers/lines.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Layer } from './helpers/scene.ts';
import { age, asUser, at, mountByLab, plant, startScene } from './helpers/scene.ts';

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

const options = ['metacopy=on'];

const metacopied = (
  title: string,
  edit: (path: (name: string) => Buffer) => Promise<void>,
  expected: readonly string[],
  expanded: readonly string[] = expected,
): Case => ({
  title: `metacopy=on: ${title}`,
  rootOnly: true,
  lowers: [lower],
  options,
  edit: (_, merged) => edit((name) => at(merged, name)),
  expected,
  expanded,
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
    [
      ...deleted('a', 'deep/', 'deep/x', 'deep/y', 'z'),
      'M file b/deep/x [content,mode]',
      ...added('c', 'deep/', 'deep/y', 'z'),
    ],
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
/** A layer of metacopies, one of them renamed, over the data. */
const attributesOnly: readonly Layer[] = [
  lower,
  {
    options,
    mounted: async (_, merged) => {
      await lab.chmod(at(merged, 'a/z'), 0o600);
      await lab.chmod(at(merged, 'file'), 0o600);
      await lab.rename(at(merged, 'file'), at(merged, 'b/file'));
    },
  },
];

const below: readonly Case[] = [
  {
    title: 'metacopy=on: over metacopies in a lower',
    rootOnly: true,
    lowers: attributesOnly,
    options,
    edit: async (_, merged) => {
      await lab.chmod(at(merged, 'a/z'), 0o644);
      await lab.openReadWrite(at(merged, 'b/file'));
      await plant({ file: 'content' })(lab, merged);
      await lab.rename(at(merged, 'b/w'), at(merged, 'b/v'));
    },
    expected: ['M file a/z [mode]', 'A file b/v', 'D file b/w', 'A file file'],
  },
  {
    title: 'metacopy=on: metacopies in a lower get other data',
    rootOnly: true,
    lowers: attributesOnly,
    options,
    edit: async (_, merged) => {
      await lab.writeAt(at(merged, 'a/z'), 0, 'A');
      await lab.writeAt(at(merged, 'b/file'), 0, 'C');
      for (const name of ['a/z', 'b/file']) await age(lab, at(merged, name));
    },
    expected: ['M file a/z [content]', 'M file b/file [content]'],
  },
];

playAll(test, () => lab, [...metacopies, ...below]);

if (asUser) {
  test('an ordinary user has no metacopies, and the library does not make one up', async (t) => {
    const scene = await startScene(t, lab, 1);
    const { upper, lowers, target, work } = scene;
    for (const path of [upper, work]) await lab.mkdir(path);
    const [layer = scene.root] = lowers;
    await lower(lab, layer);
    const data = `lowerdir=${layer},upperdir=${upper},workdir=${work},metacopy=on`;
    for (const [mountOptions, code] of [
      [data, 'EPERM'],
      [`${data},userxattr`, 'EINVAL'],
    ]) {
      const mount = lab.mount('overlay', target, 'overlay', [], mountOptions ?? '');
      t.like(await t.throwsAsync(mount), { code });
    }
    await plant({ file: 'zeros' })(lab, upper);
    await lab.setXattr(at(upper, 'file'), 'user.overlay.metacopy', '');
    const close = await mountByLab(scene);
    t.teardown(close);
    t.like(await t.throwsAsync(lab.stat(at(target, 'file'))), { code: 'EPERM' });
    const listing = changes(target);
    const where = at(upper, 'file').toString();
    t.like(await t.throwsAsync(listing.next()), { code: 'ENOTSUP', path: where });
  });
}
