// What other programs that read overlay layers got wrong, by name. Each was a bug report of theirs, or
// was found in their source; the comment says where.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import { deleted } from './helpers/lines.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit } from './helpers/scene.ts';
import { age, at, old, own, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const nothing: Edit = async () => undefined;

type Paths = (name: string) => Buffer;
const edit =
  (body: (path: Paths) => Promise<void>): Case['edit'] =>
  (_, merged) =>
    body((name) => at(merged, name));

const opaqueIsNoDeletion: readonly Case[] = [
  // moby/moby#37880, moby/moby PR #37313, containers/storage PR #141: every opaque directory was
  // listed as a deletion; binpash/try takes an opaque directory over nothing to be impossible. The
  // kernel marks every new directory in a merged one as soon as any of these options is on.
  ...['xino=on', 'redirect_dir=on', 'metacopy=on'].map(
    (option): Case => ({
      title: `a new directory is opaque and replaces nothing, with ${option}`,
      rootOnly: true,
      lowers: [plant({ 'd/x': '1' })],
      options: [option],
      edit: async (_, merged, { upper }) => {
        await plant({ 'd/new/deep': null, 'other/y': '2' })(lab, merged);
        const marks = await lab.listXattr(at(upper, 'd/new'));
        if (!marks.includes('trusted.overlay.opaque')) throw new Error('not opaque');
      },
      expected: [
        'A directory d/new',
        'A directory d/new/deep',
        'A directory other',
        'A file other/y',
      ],
    }),
  ),
  // NixOS/nixpkgs#507963: the opaque mark of a directory that once was new hides what the lower got
  // under that name since.
  {
    title: 'an old opaque mark hides what came into the lower later',
    lowers: [plant({ 'store/a': '1' })],
    prepare: async ({ upper, lowers: [lower = upper] }) => {
      await lab.mkdir(upper);
      await plant({ 'store/new/own': '2' })(lab, upper);
      await lab.setXattr(at(upper, 'store/new'), `${own}.overlay.opaque`, 'y');
      await plant({ 'store/new/later': '3' })(lab, lower);
    },
    edit: nothing,
    expected: ['D file store/new/later', 'A file store/new/own'],
  },
  // moby/buildkit PR #2614, #2710, project-stacker/stacker#627, opensandbox-group/OpenSandbox#989: a
  // directory that is deleted and one that is deleted and made again were the same.
  {
    title: 'deleted, and deleted and made again, are two things',
    lowers: [plant({ 'gone/x': '1', 'again/x': '1', 'again/deep/y': '2', 'filled/x': '1' })],
    edit: edit(async (path) => {
      for (const name of ['gone', 'again', 'filled']) await lab.rmtree(path(name));
      await lab.mkdir(path('again'));
      await plant({ 'filled/x': '1', 'filled/new': '2' })(lab, path('.'));
    }),
    expected: ['D directory again/deep', 'D file again/x', 'A file filled/new', 'D directory gone'],
    expanded: [
      ...deleted('again/deep', 'y'),
      'D file again/x',
      'A file filled/new',
      ...deleted('gone', 'x'),
    ],
  },
  // containers/fuse-overlayfs#425, #444, dagger/dagger#13844, multikernel/sandlock#159: only the
  // directory itself was asked whether it is opaque, and deleted files came back.
  {
    title: 'what an ancestor hides does not come back when its parent is made again',
    lowers: [plant({ 'a/b/c/x': '1', 'a/b/c/y': '2', 'a/z': '3' })],
    edit: edit(async (path) => {
      await lab.rmtree(path('a'));
      await plant({ 'a/b/c/y': '2' })(lab, path('.'));
    }),
    expected: ['D file a/b/c/x', 'D file a/z'],
  },
  // moby/moby#28134: the new owner of a directory that was deleted and made again was lost.
  {
    title: 'another owner and mode of a directory that was made again',
    rootOnly: true,
    lowers: [plant({ 'd/x': '1', 'e/x': '1' })],
    edit: edit(async (path) => {
      for (const name of ['d', 'e']) await lab.rmtree(path(name));
      await plant({ 'd/x': '1', 'e/x': '1' })(lab, path('.'));
      await lab.chown(path('d'), 1, 2);
      await lab.chmod(path('e'), 0o700);
    }),
    expected: ['M directory d [owner]', 'M directory e [mode]'],
  },
];

const whiteouts: readonly Case[] = [
  // moby/buildkit PR #4516: the whiteouts of one mount are links of one inode, and were taken for hard
  // links of each other.
  {
    title: 'many whiteouts are one inode and no hard links',
    lowers: [plant({ a: '1', 'd/b': '2', 'd/c': '3', 'd/e': '4', other: '5', same: '6' })],
    edit: async (_, merged, { upper }) => {
      for (const name of ['a', 'd/b', 'd/c', 'd/e']) await lab.unlink(at(merged, name));
      await lab.link(at(merged, 'other'), at(merged, 'd/link'));
      if ((await lab.stat(at(upper, 'd/c'))).nlink < 4) throw new Error('they are many');
    },
    expected: [
      'D file a',
      'D file d/b',
      'D file d/c',
      'D file d/e',
      'A file d/link',
      'M file other [links]',
    ],
  },
  // containers/fuse-overlayfs#151, PR #152: a whiteout in the root hid the name everywhere.
  {
    title: 'a whiteout hides its own path only',
    lowers: [plant({ x: '1', 'd/x': '2', 'd/e/x': '3', e: '4' })],
    edit: edit(async (path) => {
      await lab.unlink(path('x'));
      await lab.unlink(path('e'));
    }),
    expected: ['D file e', 'D file x'],
  },
  // containerd/continuity: the deletion of a dangling link came back as an added device, since the
  // base was looked up through the link.
  {
    title: 'a dangling link is deleted, and one to a file beside it',
    lowers: [plant({ dangling: { link: 'nowhere' }, good: { link: 'file' }, file: '1' })],
    edit: edit(async (path) => {
      await lab.unlink(path('dangling'));
      await lab.unlink(path('good'));
    }),
    expected: ['D symlink dangling', 'D symlink good'],
  },
  // containerd/continuity, moby/moby, containers/storage: links on the way of the base were followed.
  {
    title: 'a whiteout in a directory where the lower has a link to another',
    lowers: [plant({ 'real/x': '1', 'real/y': '2', link: { link: 'real' } })],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await plant({ 'link/y': '2' })(lab, upper);
      await lab.whiteout(at(upper, 'link/x'));
    },
    edit: nothing,
    expected: ['M symlink>directory link [type]', 'A file link/y'],
  },
  // containerd/continuity aborts with ENOTDIR; buildkit does for deletions.
  {
    title: 'whiteouts and files below what is a file in the lower',
    lowers: [plant({ file: '1', 'd/x': '2' })],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await plant({ 'file/deep/new': '3' })(lab, upper);
      await lab.whiteout(at(upper, 'file/x'));
      await lab.whiteout(at(upper, 'file/deep/y'));
    },
    edit: nothing,
    expected: ['M file>directory file [type]', 'A directory file/deep', 'A file file/deep/new'],
  },
  // containers/container-libs#1170: commits of some mounts dropped the whiteouts; tursodatabase
  // /agentfs#270: deletions were lost with the next mount.
  {
    title: 'deletions are there in a volatile mount, and when it is mounted again',
    rootOnly: true,
    lowers: [plant({ 'd/x': '1', 'd/y': '2', z: '3' })],
    options: ['volatile', 'metacopy=on'],
    edit: edit(async (path) => {
      await lab.unlink(path('d/x'));
      await lab.unlink(path('z'));
    }),
    expected: ['D file d/x', 'D file z'],
  },
];

const attributes: readonly Case[] = [
  // containerd/continuity#247, #249: directories have other sizes on other filesystems, and after
  // many names have come and gone.
  {
    title: 'a directory that grew and shrank is the same directory',
    lowers: [plant({ 'd/x': '1' })],
    edit: edit(async (path) => {
      const names = Array.from({ length: 400 }, (_, i) => `d/${`${i}`.padEnd(200, 'x')}`);
      await Promise.all(names.map((name) => lab.write(path(name), '')));
      await Promise.all(names.map((name) => lab.unlink(path(name))));
    }),
    expected: [],
  },
  // containerd/continuity, moby/moby, containers/storage: times without nanoseconds made two files
  // equal, or sent them to a comparison of their bytes, or neither, according to which side had them.
  {
    title: 'whole seconds prove nothing: neither sameness nor change',
    lowers: [plant({ same: 'one', other: 'one', cut: 'one' })],
    edit: edit(async (path) => {
      for (const [name, content] of Object.entries({ same: 'one', other: 'two', cut: 'one' })) {
        await lab.write(path(name), content);
        await lab.utimens(path(name), old, name === 'cut' ? old + 1n : old);
      }
    }),
    expected: ['M file cut [times]', 'M file other [content]'],
  },
  // moby/moby compares no targets; containerd/continuity only where times have no nanoseconds.
  {
    title: 'another target of the same length and time',
    lowers: [plant({ link: { link: 'one' } })],
    edit: edit(async (path) => {
      await lab.unlink(path('link'));
      await lab.symlink('two', path('link'));
      await age(lab, path('link'));
    }),
    expected: ['M symlink link [target]'],
  },
  // stebalien/xattr#39, pkg/xattr#28, and Node's fs-xattr: attributes of links were read from where
  // they lead.
  {
    title: 'the attributes of a link are its own',
    rootOnly: true,
    lowers: [
      async (_, layer) => {
        await plant({ file: '1', link: { link: 'file' }, dangling: { link: 'x' } })(lab, layer);
        await lab.setXattr(at(layer, 'dangling'), 'trusted.test', 'before');
      },
    ],
    edit: edit(async (path) => {
      await lab.setXattr(path('file'), 'trusted.test', 'file');
      await lab.utimens(path('link'), old, old);
      await lab.setXattr(path('dangling'), 'trusted.test', 'after');
    }),
    expected: ['M symlink dangling [xattrs]', 'M file file [xattrs]'],
  },
  // containerd, moby/moby and buildkit compare security.capability only; nobody looks at directories.
  {
    title: 'nothing but an attribute of a directory changes',
    lowers: [plant({ 'd/e/x': '1' })],
    edit: edit((path) => lab.setXattr(path('d/e'), 'user.test', 'new')),
    expected: ['M directory d/e [xattrs]'],
  },
];

playAll(test, () => lab, [...opaqueIsNoDeletion, ...whiteouts, ...attributes]);
