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
  const count = layerCounts[cell.shape];
  // Some stacks are mostly written by hand: a mount never leaves certain sequences of layers.
  const alternating = count > 2 && random.chance(0.4);
  const data: Operation[] = [];
  for (let i = 0; i < count; i++) {
    const operations: Operation[] = [];
    const byHand = cell.shape !== 'nested' && random.chance(alternating ? 0.8 : 0.2);
    const by = i === 0 || byHand ? 'hand' : 'overlay';
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
      if (by === 'hand' && alternating) operations.push(...author.alternate());
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
