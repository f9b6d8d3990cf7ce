/** All that is measured of one case. */
import { changes } from 'overlayfs';
import { median } from '../tools.ts';
import type { Beside, Memory, Traced } from './beside.ts';
import { beside, memory, systemCalls, together } from './beside.ts';
import type { Case } from './cases.ts';
import type { Checked } from './check.ts';
import { check } from './check.ts';
import type { Abilities, Contestant, Programs } from './contestants.ts';
import { others, ours, whole } from './contestants.ts';
import type { Runs } from './rounds.ts';
import { canDropCaches, cold, warm } from './rounds.ts';
import type { Layers, Trees } from './trees.ts';

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
  /** Ours and the floor only. */
  readonly bare: boolean;
}

function takes(options: object): boolean {
  try {
    changes({ upper: '/', lower: '/' }, options);
    return true;
  } catch {
    return false; // an unknown option
  }
}

const can: Abilities = {
  batches: 'batches' in changes({ upper: '/', lower: '/' }),
  threads: takes({ threads: 1 }),
};

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

const coldNames = ['floor-1', 'floor-n', 'each', 'command', 'sync', 'find'];
const coldRounds = 3;

export async function measure(
  one: Case,
  programs: Programs,
  trees: Trees,
  { runs, bare }: Extent,
): Promise<Measured> {
  const layers: Layers = trees.layers(one);
  const answer = await check(programs, trees, layers, one.whole);
  const contestants = [...ours(programs, layers, can), ...(bare ? [] : others(programs, layers))];
  const [warmRuns, coldRuns] = await taken(contestants, async (all) => [
    await warm(all, runs, answer.counts),
    one.cold && !bare && canDropCaches()
      ? await cold(
          all.filter(({ name }) => coldNames.includes(name)),
          coldRounds,
          answer.counts,
        )
      : [],
  ]);
  if (!bare && one.changes > 1) {
    warmRuns.push(
      ...(await trees.merged(layers, (merged) =>
        taken(whole(programs, layers, merged), (all) =>
          warm(all, one.whole ? runs : 0, answer.counts),
        ),
      )),
    );
  }
  const many = one.changes >= 10_000;
  return {
    name: one.name,
    title: one.title,
    lowerEntries: one.lower.entries,
    answer,
    warm: warmRuns,
    cold: coldRuns,
    memory: await memory(layers, can.batches),
    ...(many && one.changes <= 100_000 && { together: await together(layers) }),
    ...(many && { beside: await beside(layers) }),
    ...(one.changes <= 10_000 && { calls: systemCalls(programs, layers, answer.entries) }),
  };
}
