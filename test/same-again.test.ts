// Things that were done and undone, directories that were removed and made again, and names that
// changed places: what counts is the difference, not what was done.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import type { Edit } from './helpers/scene.ts';
import { age, at, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const lowers: readonly Edit[] = [
  plant({
    'd/e/f': 'deep',
    'd/x': 'one',
    'd/y': 'two',
    empty: null,
    file: 'content',
    dangling: { link: 'nowhere' },
    other: 'CONTENT',
  }),
];

/** Something done to `file`, `d` or another name of the lower. */
const done = (
  title: string,
  edit: (path: (name: string) => Buffer, merged: Buffer) => Promise<void>,
  expected: readonly string[],
  expanded: readonly string[] = expected,
): Case => ({
  title,
  lowers,
  edit: (_, merged) => edit((name) => at(merged, name), merged),
  expected,
  expanded,
});

const undone: readonly Case[] = [
  done(
    'a file is moved away and back',
    async (path) => {
      await lab.rename(path('file'), path('d/away'));
      await lab.rename(path('d/away'), path('file'));
    },
    [],
  ),
  done(
    'chmod and back',
    async (path) => {
      for (const name of ['file', 'd', 'd/x']) {
        const { mode } = await lab.stat(path(name));
        await lab.chmod(path(name), 0o711);
        await lab.chmod(path(name), mode);
      }
    },
    [],
  ),
  done('opened for writing, nothing written', (path) => lab.openReadWrite(path('file')), []),
  done(
    'written again as it was, with the time it had',
    async (path) => {
      await lab.write(path('file'), 'content');
      await age(lab, path('file'));
    },
    [],
  ),
  done('written again as it was', (path) => lab.write(path('file'), 'content'), [
    'M file file [times]',
  ]),
  done(
    'other bytes of the same size, with the time it had',
    async (path) => {
      await lab.write(path('file'), 'cOntent');
      await age(lab, path('file'));
    },
    ['M file file [content]'],
  ),
  done(
    'deleted, and made again as it was',
    async (path) => {
      await lab.unlink(path('file'));
      await lab.unlink(path('dangling'));
      await plant({ file: 'content', dangling: { link: 'nowhere' } })(lab, path('.'));
    },
    [],
  ),
  done('a dangling symbolic link is deleted', (path) => lab.unlink(path('dangling')), [
    'D symlink dangling',
  ]),
  done(
    'made and deleted',
    async (path) => {
      await plant({ 'd/new/file': 'short-lived' })(lab, path('.'));
      await lab.rmtree(path('d/new'));
    },
    [],
  ),
  done(
    'replaced by a rename, as by an editor',
    async (path) => {
      await lab.write(path('file~'), 'content, edited');
      await lab.rename(path('file~'), path('file'));
    },
    ['M file file [content,times]'],
  ),
];

const directories: readonly Case[] = [
  done(
    'a directory removed, and made again empty',
    async (path) => {
      await lab.rmtree(path('d'));
      await lab.mkdir(path('d'));
    },
    ['D directory d/e', 'D file d/x', 'D file d/y'],
    ['D directory d/e', 'D file d/e/f', 'D file d/x', 'D file d/y'],
  ),
  done(
    'a directory removed, and made again as it was',
    async (path) => {
      await lab.rmtree(path('d'));
      await plant({ 'd/e/f': 'deep', 'd/x': 'one', 'd/y': 'two' })(lab, path('.'));
    },
    [],
  ),
  done(
    'a directory removed, and made again with other children and another mode',
    async (path) => {
      await lab.rmtree(path('d'));
      await lab.mkdir(path('d'), 0o700);
      await plant({ 'd/e': 'file now', 'd/x/z': 'below', 'd/new': 'new' })(lab, path('.'));
    },
    [
      'M directory d [mode]',
      'M directory>file d/e [type]',
      'A file d/new',
      'M file>directory d/x [type]',
      'A file d/x/z',
      'D file d/y',
    ],
    [
      'M directory d [mode]',
      'M directory>file d/e [type]',
      'D file d/e/f',
      'A file d/new',
      'M file>directory d/x [type]',
      'A file d/x/z',
      'D file d/y',
    ],
  ),
  done(
    'an opaque directory in an opaque directory',
    async (path) => {
      await lab.rmtree(path('d/e'));
      await lab.mkdir(path('d/e'));
      await lab.rmtree(path('d'));
      await plant({ 'd/e/g': 'new', 'd/y': 'two' })(lab, path('.'));
      await lab.rmtree(path('d/e'));
      await plant({ 'd/e/h': 'newer' })(lab, path('.'));
    },
    ['D file d/e/f', 'A file d/e/h', 'D file d/x'],
  ),
  done(
    'a directory replaced by a file',
    async (path) => {
      await lab.rmtree(path('d'));
      await lab.write(path('d'), 'file now');
    },
    ['M directory>file d [type]'],
    ['M directory>file d [type]', 'D directory d/e', 'D file d/e/f', 'D file d/x', 'D file d/y'],
  ),
  done('an empty directory removed', (path) => lab.rmdir(path('empty')), ['D directory empty']),
];

const moved: readonly Case[] = [
  done(
    'a file renamed in its directory, one to another',
    async (path) => {
      await lab.rename(path('file'), path('renamed'));
      await lab.rename(path('d/x'), path('d/e/x'));
    },
    ['A file d/e/x', 'D file d/x', 'D file file', 'A file renamed'],
  ),
  done('a file renamed over another', (path) => lab.rename(path('file'), path('other')), [
    'D file file',
    'M file other [content]',
  ]),
  done(
    'a file renamed over a deleted directory',
    async (path) => {
      await lab.rmtree(path('d'));
      await lab.rename(path('file'), path('d'));
    },
    ['M directory>file d [type]', 'D file file'],
    [
      'M directory>file d [type]',
      'D directory d/e',
      'D file d/e/f',
      'D file d/x',
      'D file d/y',
      'D file file',
    ],
  ),
  done('two files exchanged', (path) => lab.exchange(path('file'), path('other')), [
    'M file file [content]',
    'M file other [content]',
  ]),
  done(
    'two files exchanged, twice',
    async (path) => {
      await lab.exchange(path('file'), path('d/x'));
      await lab.exchange(path('file'), path('d/x'));
    },
    [],
  ),
  done(
    'a file exchanged with a new directory',
    async (path) => {
      await plant({ 'new/z': 'z' })(lab, path('.'));
      await lab.exchange(path('file'), path('new'));
    },
    ['M file>directory file [type]', 'A file file/z', 'A file new'],
  ),
  done(
    'a file exchanged with a symbolic link',
    (path) => lab.exchange(path('dangling'), path('d/y')),
    ['M file>symlink d/y [type]', 'M symlink>file dangling [type]'],
  ),
  done(
    'a new directory renamed over an empty one, and over a deleted one',
    async (path) => {
      await plant({ 'n1/x': 'new', 'n2/y': 'two', 'n2/e': null })(lab, path('.'));
      await lab.rename(path('n1'), path('empty'));
      await lab.rmtree(path('d'));
      await lab.rename(path('n2'), path('d'));
    },
    ['D file d/e/f', 'D file d/x', 'A file empty/x'],
  ),
];

playAll(test, () => lab, [...undone, ...directories, ...moved]);
