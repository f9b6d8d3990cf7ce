import type { Layers } from './trees.ts';

export type How = 'each' | 'each-1' | 'batches' | 'count' | 'sync' | 'async' | 'recursive';

export interface Counts {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

export interface Asked {
  readonly what: 'walk' | 'idle' | 'loop' | 'loop-idle' | 'reading' | 'reading-idle' | 'together';
  readonly how: How;
  readonly layers: Layers;
}

/** In milliseconds. */
export interface Spread {
  readonly median: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Told {
  readonly error?: string;
  readonly ms?: number;
  readonly counts?: Counts;
  /** The most memory that the process had resident at any time. */
  readonly peakBytes?: number;
  readonly delay?: Spread;
  readonly latency?: Spread;
  /** Of four walks, in milliseconds. */
  readonly together?: { readonly sequence: number; readonly atOnce: number };
}
