// What is played: a history is data, made from the name of its cell and a seed, or by the shrinker.
import type { Operation } from './operations.ts';

export interface Layer {
  /** Written as the upper of an overlay of the layers below it, or directly. */
  readonly by: 'overlay' | 'hand';
  readonly operations: readonly Operation[];
}

export interface History {
  readonly cell: string;
  readonly seed: number;
  /**
   * The lowers, the bottom-most first. Where the lower is an overlay itself (`nested`), these are its
   * layers, the last of them its upper.
   */
  readonly lowers: readonly Layer[];
  /** What the data-only lower holds, if there is one. */
  readonly data: readonly Operation[];
  readonly operations: readonly Operation[];
}

export function countOperations({ lowers, data, operations }: History): number {
  return (
    lowers.reduce((sum, layer) => sum + layer.operations.length, 0) +
    data.length +
    operations.length
  );
}
