/** Everybody in turn, again and again: what disturbs one disturbs the others too. */
import { writeFileSync } from 'node:fs';
import { run } from '../tools.ts';
import type { Contestant } from './contestants.ts';
import type { Counts } from './worker-messages.ts';

export interface Runs {
  readonly name: string;
  readonly title: string;
  readonly ms: number[];
  peakBytes: number;
  /** Of the last run. */
  counts?: Counts;
}

/** Those whose ratios count. */
const core = ['floor-1', 'floor-n', 'each', 'each-1', 'batches', 'count', 'command'];

/** How often somebody runs in all, by how long the first time took, and whether that one counts. */
function share(
  name: string,
  ms: number,
  most: number,
): { readonly runs: number; readonly counts: boolean } {
  const [slow, slower] = core.includes(name) ? [10_000, 60_000] : [3000, 20_000];
  if (most === 0 || ms > slower) {
    return { runs: 1, counts: true };
  }
  return { runs: ms > slow ? Math.min(most, 3) : most, counts: ms > 1000 };
}

export function sameCounts(a: Counts | undefined, b: Counts | undefined): boolean {
  return a?.added === b?.added && a?.modified === b?.modified && a?.deleted === b?.deleted;
}

async function once(contestant: Contestant, runs: Runs, right: Counts): Promise<void> {
  const { ms, counts, peakBytes } = await contestant.run();
  runs.ms.push(ms);
  runs.peakBytes = Math.max(runs.peakBytes, peakBytes ?? 0);
  if (counts !== undefined) {
    runs.counts = counts;
  }
  if (contestant.exact && !sameCounts(counts, right)) {
    throw new Error(
      `${contestant.title} found ${JSON.stringify(counts)} and not ${JSON.stringify(right)}`,
    );
  }
}

function runsOf({ name, title }: Contestant): Runs {
  return { name, title, ms: [], peakBytes: 0 };
}

/**
 * `most` runs of everybody that is not slow, after one that warms up; of who takes more than a second
 * that one counts. Where `most` is 0 it is all there is.
 */
export async function warm(
  contestants: readonly Contestant[],
  most: number,
  right: Counts,
): Promise<Runs[]> {
  const all = [];
  for (const contestant of contestants) {
    const runs = runsOf(contestant);
    await once(contestant, runs, right);
    const { runs: wanted, counts } = share(runs.name, runs.ms[0] ?? 0, most);
    if (!counts) {
      runs.ms.pop();
    }
    all.push({ contestant, runs, wanted });
  }
  for (let round = 0; round < most; round++) {
    const turn = all.filter(({ runs, wanted }) => runs.ms.length < wanted);
    for (const { contestant, runs } of round % 2 === 0 ? turn : turn.reverse()) {
      await once(contestant, runs, right);
    }
  }
  return all.map(({ runs }) => runs);
}

const dropCaches = '/proc/sys/vm/drop_caches';

export function canDropCaches(): boolean {
  try {
    writeFileSync(dropCaches, '1');
    return true;
  } catch {
    return false; // not root, or a container
  }
}

/** Before every run the caches of all files and directories are dropped. */
export async function cold(
  contestants: readonly Contestant[],
  rounds: number,
  right: Counts,
): Promise<Runs[]> {
  const all = contestants.map((contestant) => ({ contestant, runs: runsOf(contestant) }));
  for (let round = 0; round < rounds; round++) {
    for (const { contestant, runs } of all) {
      run('sync');
      writeFileSync(dropCaches, '3');
      await once(contestant, runs, right);
    }
  }
  return all.map(({ runs }) => runs);
}
