// Makes a history from a cell and a seed.
import { Author } from './author.ts';
import type { Cell, Shape } from './cells.ts';
import type { History, Layer } from './history.ts';
import type { Operation } from './operations.ts';
import { Random } from './random.ts';

export interface Lengths {
  /** Operations in the overlay. */
  readonly upper: number;
  /** Operations per lower. */
  readonly lower: number;
}

const layerCounts: Readonly<Record<Shape, number>> = {
  '1': 1,
  '2': 2,
  '2-apart': 2,
  '3': 3,
  '4': 4,
  'data-only': 1,
  nested: 2,
};

export function generate(cell: Cell, seed: number, lengths: Lengths): History {
  const random = new Random(`${cell.name} ${seed}`);
  const author = new Author(random, cell);
  const lowers: Layer[] = [];
  const data: Operation[] = [];
  for (let i = 0; i < layerCounts[cell.shape]; i++) {
    const operations: Operation[] = [];
    const by = i === 0 || (cell.shape !== 'nested' && random.chance(0.2)) ? 'hand' : 'overlay';
    if (cell.shape === 'data-only') {
      const pair = author.metacopies(2 + random.below(4));
      data.push(...pair.data);
      operations.push(...pair.layer);
    }
    const length = lengths.lower + random.below(lengths.lower);
    if (i === 0) {
      operations.push(...author.grow(length));
    } else {
      if (by === 'hand') operations.push(...author.marks());
      operations.push(...author.change(length, by === 'hand' ? 'hand' : 'lower'));
      // The inner overlay of a nested one shows these as marks to the outer one.
      if (cell.shape === 'nested') operations.push(...author.innerMarks());
    }
    author.tree.settle();
    lowers.push({ by, operations });
  }
  const operations = author.change(lengths.upper, 'upper');
  return { cell: cell.name, seed, lowers, data, operations };
}
