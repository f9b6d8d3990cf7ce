// What may happen next in a history: each recipe gives one operation or a few that belong together.
import type { LabType } from '../helpers/oracle.ts';
import type { Author } from './author.ts';
import type { Operation } from './operations.ts';
import { attributes } from './recipes-attributes.ts';
import { contents } from './recipes-contents.ts';
import { moves } from './recipes-moves.ts';
import { inode } from './tree.ts';

/** Nothing, where the tree has not what it needs. */
export type Recipe = (author: Author) => Operation[] | undefined;
export type Recipes = readonly (readonly [weight: number, recipe: Recipe])[];

function create(author: Author, path: string, type: LabType): Operation[] {
  const { random, cell } = author;
  const mode = random.pick([0o644, 0o600, 0o755]);
  const node = inode(type, mode, type === 'file' ? author.text() : undefined);
  author.put(path, node);
  const device = (): [number, number] =>
    // Neither is a whiteout, though each is close to one.
    random.pick(
      type === 'block-device'
        ? [
            [0, 0],
            [8, 1],
          ]
        : [
            [0, 1],
            [1, 0],
            [1, 3],
          ],
    );
  switch (type) {
    case 'file': {
      const made: Operation[] = [['write', path, node.content ?? '', mode]];
      if (random.chance(0.5)) {
        node.time = author.time();
        made.push(['utimens', path, node.time]);
      }
      return made;
    }
    case 'directory':
      return [['mkdir', path, mode | 0o111]];
    case 'symlink':
      return [['symlink', path, random.pick(['a', 'b', '../a', '/nowhere', '\xff'])]];
    case 'fifo':
      return [['mknod', path, 'p', mode, 0, 0]];
    case 'socket':
      return [['mknod', path, 's', mode, 0, 0]];
    case 'character-device':
    case 'block-device':
      if (cell.privilege === 'rootless') {
        author.drop(path);
        return [];
      }
      return [['mknod', path, type === 'character-device' ? 'c' : 'b', mode, ...device()]];
  }
}

const types: readonly (readonly [number, LabType])[] = [
  [10, 'file'],
  [6, 'directory'],
  [3, 'symlink'],
  [1, 'fifo'],
  [1, 'socket'],
  [2, 'character-device'],
  [1, 'block-device'],
];

const createAny: Recipe = (author) => {
  const path = author.freshPath();
  return path === undefined ? undefined : create(author, path, author.random.weighted(types));
};

const createDirectory: Recipe = (author) => {
  const path = author.freshPath();
  return path === undefined ? undefined : create(author, path, 'directory');
};

const createEmpty: Recipe = (author) => {
  const path = author.freshPath();
  if (path === undefined) return undefined;
  author.put(path, inode('file', 0o640, ''));
  return [['mknod', path, 'f', 0o640, 0, 0]];
};

const remove: Recipe = (author) => {
  const spot = author.any();
  if (spot === undefined) return undefined;
  const directory = spot.inode.type === 'directory';
  const empty = spot.inode.children.size === 0;
  author.drop(spot.path);
  if (!directory) return [['unlink', spot.path]];
  return [[empty ? 'rmdir' : 'rmtree', spot.path]];
};

const replaceType: Recipe = (author) => {
  const spot = author.any();
  if (spot === undefined) return undefined;
  return [['rmtree', spot.path], ...create(author, spot.path, author.random.weighted(types))];
};

/** Removed and made again, equal as far as that is known. */
const recreate: Recipe = (author) => {
  const spot = author.file();
  const { content, time, mode } = spot?.inode ?? {};
  if (spot === undefined || content === undefined || mode === undefined) return undefined;
  author.put(spot.path, { ...inode('file', mode, content), time });
  const made: Operation[] = [
    ['unlink', spot.path],
    ['write', spot.path, content, 0o600],
    ['chmod', spot.path, mode],
  ];
  return time === undefined ? made : [...made, ['utimens', spot.path, time]];
};

/** A removed directory in whose place another one holds some of the same names. */
const recreateDirectory: Recipe = (author) => {
  const spot = author.directory();
  if (spot === undefined) return undefined;
  const names = [...spot.inode.children.keys()];
  author.put(spot.path, inode('directory', 0o755));
  const made: Operation[] = [
    ['rmtree', spot.path],
    ['mkdir', spot.path, 0o755],
  ];
  for (const name of author.random.some(names, 2)) {
    made.push(...create(author, `${spot.path}/${name}`, author.random.weighted(types)));
  }
  return made;
};

const link: Recipe = (author) => {
  const spot = author.nonDirectory();
  const path = author.freshPath();
  if (spot === undefined || path === undefined) return undefined;
  author.put(path, spot.inode);
  return [['link', spot.path, path]];
};

const linkOver: Recipe = (author) => {
  const spot = author.file();
  const other = author.nonDirectory();
  if (spot === undefined || other === undefined || spot.path === other.path) return undefined;
  author.put(other.path, spot.inode);
  return [
    ['unlink', other.path],
    ['link', spot.path, other.path],
  ];
};

const mounts: Recipes = [
  [3, (author) => (author.role === 'upper' ? [['remount']] : undefined)],
  [
    2,
    (author) => {
      if (author.role !== 'upper' || author.rotations === 2) return undefined;
      author.rotations++;
      author.tree.settle();
      return [['rotate']];
    },
  ],
];

export const growing: Recipes = [[20, createAny], [8, createDirectory], [4, link], ...attributes];

export const recipes: Recipes = [
  [16, createAny],
  [4, createDirectory],
  [1, createEmpty],
  [12, remove],
  [6, replaceType],
  [4, recreate],
  [4, recreateDirectory],
  [7, link],
  [2, linkOver],
  ...attributes,
  ...contents,
  ...moves,
  ...mounts,
];
