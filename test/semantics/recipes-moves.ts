// Recipes that give things other names.
import type { Author } from './author.ts';
import type { Recipe, Recipes } from './recipes.ts';
import type { Spot } from './tree.ts';
import { inode } from './tree.ts';

/** Whether a rename is likely to succeed: directories of a lower need the option. */
function movable({ cell, role }: Author, { inode: { type, settled } }: Spot): boolean {
  return type !== 'directory' || !settled || cell.set.redirects || role !== 'upper';
}

function within(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Follows a rename in what is believed. */
function move(author: Author, spot: Spot, to: string): void {
  if (!movable(author, spot)) return;
  author.drop(spot.path);
  author.put(to, spot.inode);
}

function movedSpot(author: Author): Spot | undefined {
  const spot = author.any();
  // Now and then one that will fail.
  return spot !== undefined && (movable(author, spot) || author.random.chance(0.1))
    ? spot
    : author.nonDirectory();
}

const rename: Recipe = (author) => {
  const spot = movedSpot(author);
  const to = author.freshPath();
  if (spot === undefined || to === undefined || within(to, spot.path)) return undefined;
  move(author, spot, to);
  return [['rename', spot.path, to]];
};

const renameBeside: Recipe = (author) => {
  const spot = movedSpot(author);
  if (spot === undefined) return undefined;
  const to = author.sibling(spot);
  if (to === spot.path) return undefined;
  move(author, spot, to);
  return [['rename', spot.path, to]];
};

const renameDirectory: Recipe = (author) => {
  const spot = author.spot((at) => at.inode.type === 'directory' && movable(author, at));
  const to = author.freshPath();
  if (spot === undefined || to === undefined || within(to, spot.path)) return undefined;
  move(author, spot, to);
  return [['rename', spot.path, to]];
};

/** Over something that is there, of the same kind. */
const renameOver: Recipe = (author) => {
  const spot = movedSpot(author);
  if (spot === undefined) return undefined;
  const directory = spot.inode.type === 'directory';
  const over = author.spot(
    ({ path, inode: { type } }) =>
      (type === 'directory') === directory && !within(path, spot.path) && !within(spot.path, path),
  );
  if (over === undefined) return undefined;
  move(author, spot, over.path);
  if (!directory || over.inode.children.size === 0) return [['rename', spot.path, over.path]];
  return [
    ['rmtree', over.path],
    ['mkdir', over.path, 0o755],
    ['rename', spot.path, over.path],
  ];
};

const exchange: Recipe = (author) => {
  const spot = movedSpot(author);
  if (spot === undefined) return undefined;
  const other = author.spot(
    (at) => !within(at.path, spot.path) && !within(spot.path, at.path) && movable(author, at),
  );
  if (other === undefined) return undefined;
  author.put(spot.path, other.inode);
  author.put(other.path, spot.inode);
  return [['exchange', spot.path, other.path]];
};

const awayAndBack: Recipe = (author) => {
  const spot = movedSpot(author);
  const to = author.freshPath();
  if (spot === undefined || to === undefined || within(to, spot.path)) return undefined;
  return [
    ['rename', spot.path, to],
    ['rename', to, spot.path],
  ];
};

/** As careful programs save a file. */
const atomicReplace: Recipe = (author) => {
  const spot = author.file();
  if (spot === undefined) return undefined;
  const same = spot.inode.content !== undefined && author.random.chance(0.4);
  const content = same ? (spot.inode.content ?? '') : author.text();
  const temporary = `${spot.path}~`;
  author.put(spot.path, inode('file', 0o644, content));
  return [
    ['write', temporary, content, 0o644],
    ['rename', temporary, spot.path],
  ];
};

const retarget: Recipe = (author) => {
  const spot = author.spot(({ inode: { type } }) => type === 'symlink');
  if (spot === undefined) return undefined;
  return [
    ['unlink', spot.path],
    ['symlink', spot.path, author.random.pick(['a', 'b', '../a', 'a/b/../c'])],
  ];
};

export const moves: Recipes = [
  [6, rename],
  [4, renameBeside],
  [5, renameDirectory],
  [4, renameOver],
  [5, exchange],
  [3, awayAndBack],
  [3, atomicReplace],
  [2, retarget],
];
