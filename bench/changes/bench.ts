/** All that is measured of one case. */
import { median } from '../tools.ts';
import type { Beside, Memory, Traced } from './beside.ts';
import { beside, memory, systemCalls, together } from './beside.ts';
import type { Case } from './cases.ts';
import type { Checked } from './check.ts';
import { check } from './check.ts';
import type { Contestant, Programs } from './contestants.ts';
import { others, ours, whole } from './contestants.ts';
import type { Runs } from './rounds.ts';
import { canDropCaches, cold, warm } from './rounds.ts';
import type { Layers, Trees } from './trees.ts';
import type { Counts } from './worker-messages.ts';

export interface Measured {
  readonly name: string;
  readonly title: string;
  readonly lowerEntries: number;
  readonly answer: Checked;
  readonly warm: readonly Runs[];
  readonly cold: readonly Runs[];
  readonly memory: Memory;
  readonly together?: number;
  readonly beside?: Beside;
  readonly calls?: Traced | string;
}

export interface Extent {
  readonly runs: number;
  /** Also with dropped caches, and what compares whole trees more than once. */
  readonly full: boolean;
  /** Ours and the floor only. */
  readonly bare: boolean;
}

export function medianOf(runs: readonly Runs[], name: string): number {
  return median(runs.find((one) => one.name === name)?.ms ?? []);
}

async function taken<T>(
  contestants: readonly Contestant[],
  use: (contestants: readonly Contestant[]) => Promise<T>,
): Promise<T> {
  try {
    return await use(contestants);
  } finally {
    for (const contestant of contestants) {
      contestant.end();
    }
  }
}

const coldNames = ['floor-n', 'each', 'command', 'sync', 'find'];
const coldRounds = 3;

async function wholeTrees(
  layers: Layers,
  programs: Programs,
  trees: Trees,
  runs: number,
  right: Counts,
): Promise<Runs[]> {
  return await trees.merged(layers, (merged) =>
    taken(whole(programs, layers, merged), (all) => warm(all, runs, right)),
  );
}

/** What disturbs the caches comes last. */
export async function measure(
  one: Case,
  programs: Programs,
  trees: Trees,
  { runs, full, bare }: Extent,
): Promise<Measured> {
  const layers = trees.layers(one);
  const answer = await check(programs, trees, layers, one.whole);
  const right = answer.counts;
  const alone = bare || one.bare === true;
  const all = [...ours(programs, layers), ...(alone ? [] : others(programs, layers, one.atOnce))];
  const warmRuns = await taken(all, (contestants) => warm(contestants, runs, right));
  const measured: Measured = {
    name: one.name,
    title: one.title,
    lowerEntries: one.lower.entries,
    answer,
    warm: warmRuns,
    cold: [],
    memory: await memory(layers),
    ...(one.beside && one.changes <= 100_000 && { together: await together(layers) }),
    ...(one.beside && { beside: await beside(layers) }),
    ...(one.changes <= 10_000 && { calls: systemCalls(programs, layers, answer.entries) }),
  };
  if (alone || one.changes === 1) {
    return measured;
  }
  const wholeRuns =
    one.whole || one.cold
      ? await wholeTrees(layers, programs, trees, one.whole && full ? runs : 0, right)
      : [];
  const again = [...ours(programs, layers), ...others(programs, layers, one.atOnce)].filter(
    ({ name }) => coldNames.includes(name),
  );
  return {
    ...measured,
    warm: [...warmRuns, ...wholeRuns],
    cold:
      full && one.cold && canDropCaches()
        ? await taken(again, (contestants) => cold(contestants, coldRounds, right))
        : [],
  };
}
