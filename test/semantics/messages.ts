// What the main process and its workers say to each other.
import type { Lengths } from './generator.ts';
import type { History } from './history.ts';
import type { Grounds } from './stage.ts';
import type { Result } from './trial.ts';

export interface Setup {
  readonly grounds: Grounds;
  readonly lengths: Lengths;
  readonly shrinkMs: number;
}

export type Task =
  | { readonly kind: 'seed'; readonly cell: string; readonly seed: number }
  | { readonly kind: 'history'; readonly cell: string; readonly history: History }
  | { readonly kind: 'impossible'; readonly cell: string };

export type Answer =
  | { readonly result: Result }
  /** A mistake of the tests, or an impossible cell that is possible. */
  | { readonly error: string };
