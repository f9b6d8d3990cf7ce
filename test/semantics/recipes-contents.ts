// Recipes for the content of files.
import type { Operation } from './operations.ts';
import type { Recipe, Recipes } from './recipes.ts';
import { inode } from './tree.ts';

const big: Recipe = (author) => {
  const path = author.file()?.path ?? author.freshPath();
  if (path === undefined) return undefined;
  author.put(path, inode('file', 0o644));
  return [['fill', path, author.random.pick([5000, 8192, 70_000]), author.random.below(3)]];
};

const overwrite: Recipe = (author) => {
  const spot = author.file();
  if (spot === undefined) return undefined;
  const content = author.text();
  Object.assign(spot.inode, { content, time: undefined });
  return [['write', spot.path, content, 0o644]];
};

const writeSame: Recipe = (author) => {
  const spot = author.file();
  if (spot?.inode.content === undefined) return undefined;
  const made: Operation[] = [['write', spot.path, spot.inode.content, 0o644]];
  // As it was in every respect, if the time is known.
  if (spot.inode.time !== undefined) made.push(['utimens', spot.path, spot.inode.time]);
  return made;
};

const append: Recipe = (author) => {
  const spot = author.file();
  if (spot === undefined) return undefined;
  Object.assign(spot.inode, { content: undefined, time: undefined });
  return [['append', spot.path, author.text()]];
};

const truncate: Recipe = (author) => {
  const spot = author.file();
  if (spot === undefined) return undefined;
  Object.assign(spot.inode, { content: undefined, time: undefined });
  return [['truncate', spot.path, author.random.pick([0, 3, 8, 100, 6000])]];
};

const writeAt: Recipe = (author) => {
  const spot = author.file();
  if (spot === undefined) return undefined;
  Object.assign(spot.inode, { content: undefined, time: undefined });
  return [['writeAt', spot.path, author.random.pick([0, 2, 4090, 10_000]), author.text()]];
};

/** Equal size and time, other bytes; or the same bytes. */
const rewrite: Recipe = (author) => {
  const spot = author.file();
  const { content } = spot?.inode ?? {};
  if (spot === undefined) return undefined;
  if (content === undefined) return [['rewrite', spot.path, author.random.below(9), 'x']];
  const length = content.length;
  const written = author.random.chance(0.3) ? content : 'Z'.repeat(length);
  spot.inode.content = written;
  return [['rewrite', spot.path, 0, written]];
};

const open: Recipe = (author) => {
  const spot = author.file();
  return spot && [['open', spot.path]];
};

const punch: Recipe = (author) => {
  const spot = author.file();
  if (spot === undefined) return undefined;
  Object.assign(spot.inode, { content: undefined, time: undefined });
  return [['punch', spot.path, author.random.pick([0, 4096]), author.random.pick([4, 4096, 8192])]];
};

export const contents: Recipes = [
  [2, big],
  [4, overwrite],
  [4, writeSame],
  [3, append],
  [3, truncate],
  [2, writeAt],
  [4, rewrite],
  [3, open],
  [2, punch],
];
