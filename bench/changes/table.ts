/** What was measured, for people. */
import { median } from '../tools.ts';
import type { Measured } from './bench.ts';
import { medianOf } from './bench.ts';
import type { Runs } from './rounds.ts';
import type { Spread } from './worker-messages.ts';

export function time(ms: number): string {
  return ms < 9.95
    ? `${ms.toFixed(2)} ms`
    : ms < 9995
      ? `${ms.toFixed(0)} ms`
      : `${(ms / 1000).toFixed(1)} s`;
}

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function line(one: Runs, all: readonly Runs[]): string {
  const middle = median(one.ms);
  const ratio = (name: string): string => {
    const floor = medianOf(all, name);
    return Number.isNaN(floor) ? '' : `${(middle / floor).toFixed(2)} ×`;
  };
  const range = `${time(Math.min(...one.ms))} – ${time(Math.max(...one.ms))}`;
  const few = one.ms.length === 1 ? 'one run' : `${one.ms.length} runs`;
  return [
    `  ${one.title.padEnd(34)}`,
    time(middle).padStart(9),
    range.padStart(22),
    ratio('floor-1').padStart(9),
    ratio('floor-n').padStart(9),
    `  ${few}`,
  ].join(' ');
}

function printRuns(title: string, runs: readonly Runs[]): void {
  if (runs.length === 0) {
    return;
  }
  const heads = [
    'median'.padStart(9),
    'range'.padStart(22),
    '× 1'.padStart(9),
    '× many'.padStart(9),
  ];
  console.log(`  ${title.padEnd(34)} ${heads.join(' ')}`);
  for (const one of runs) {
    console.log(line(one, runs));
  }
}

const spread = ({ median: middle, p99, p999, max }: Spread): string =>
  `median ${middle.toFixed(2)}, p99 ${p99.toFixed(2)}, p99.9 ${p999.toFixed(2)}, max ${max.toFixed(2)} ms`;

export function printCase(measured: Measured): void {
  const { answer, memory, beside, calls } = measured;
  const { added, modified, deleted } = answer.counts;
  console.log(
    `\n${measured.title}: ${added} added, ${modified} modified, ${deleted} deleted; the upper has ` +
      `${answer.entries} entries`,
  );
  const by = answer.oracle ? 'the floor, the command and the oracle' : 'the floor and the command';
  console.log(`  answer: the same, with aspects and former paths, by ${by}`);
  printRuns('warm', measured.warm);
  printRuns('with dropped caches', measured.cold);
  console.log(
    `  peak memory above a Node that has loaded the library: for await ${mib(memory.each)}, batches() ${mib(memory.batches)}`,
  );
  if (measured.together !== undefined) {
    console.log(`  four walks at once: ${measured.together.toFixed(2)} × four in sequence`);
  }
  if (beside !== undefined) {
    console.log(`  event loop delay: ${spread(beside.delay)}; idle ${spread(beside.delayIdle)}`);
    console.log(`  fs.readFile: ${spread(beside.latency)}; idle ${spread(beside.latencyIdle)}`);
  }
  if (typeof calls === 'string') {
    console.log(`  system calls: not counted, ${calls}`);
  } else if (calls !== undefined) {
    for (const [who, { total, text }] of Object.entries(calls)) {
      const each = (total / answer.entries).toFixed(2);
      console.log(`  system calls an entry of the upper, ${who}: ${each} (${text})`);
    }
  }
}
