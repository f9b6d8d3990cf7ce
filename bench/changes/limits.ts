/** What must hold, of what was measured. */
import type { Measured } from './bench.ts';
import { medianOf } from './bench.ts';
import { mib, time } from './table.ts';

export interface Judged {
  readonly what: string;
  readonly figure: string;
  readonly limit: string;
  readonly holds: boolean;
}

const mebi = 2 ** 20;

interface Bounds {
  /** Times the floor with as many threads as it likes. */
  readonly each: number;
  readonly batches: number;
  readonly memoryMiB: number;
}

const bounds: Readonly<Record<string, Bounds>> = {
  '10000-over-100000': { each: 1.5, batches: 1.5, memoryMiB: 24 },
  '100000-over-1000000': { each: 1.25, batches: 1.25, memoryMiB: 32 },
  '1000000-over-1000000': { each: 1.5, batches: 1.25, memoryMiB: 48 },
  'directory-1000000': { each: 1.5, batches: 1.5, memoryMiB: 64 },
  'opaque-1000000': { each: 1.5, batches: 1.5, memoryMiB: 96 },
};

/** How many times faster than what a user would write. */
const advantages: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  '10000-over-100000': { recursive: 10, async: 6, sync: 2.5 },
  '100000-over-1000000': { recursive: 10, async: 6, sync: 2.5 },
  '1000000-over-1000000': { async: 8, sync: 3 },
};

function atMost(
  what: string,
  value: number,
  most: number,
  text: (value: number) => string,
): Judged {
  return { what, figure: text(value), limit: `at most ${text(most)}`, holds: value <= most };
}

const times = (value: number): string => `${value.toFixed(2)} ×`;

function ratios({ name, title, warm, memory }: Measured): Judged[] {
  const bound = bounds[name];
  if (bound === undefined) {
    return [];
  }
  const ratio = (who: 'each' | 'batches'): number =>
    medianOf(warm, who) / medianOf(warm, 'floor-n');
  const peak = Math.max(memory.each, memory.batches);
  return [
    atMost(`${title}: for await, floor`, ratio('each'), bound.each, times),
    atMost(`${title}: batches, floor`, ratio('batches'), bound.batches, times),
    atMost(
      `${title}: for await and floor of one thread`,
      medianOf(warm, 'each-1') / medianOf(warm, 'floor-1'),
      bound.each,
      times,
    ),
    atMost(`${title}: memory`, peak, bound.memoryMiB * mebi, mib),
  ];
}

/** Faster than everybody, and than some by how much. Of a few entries only the start is measured. */
function peers({ name, title, answer, warm }: Measured): Judged[] {
  if (answer.entries < 1000) {
    return [];
  }
  const ours = medianOf(warm, 'each');
  const notPeers = /^(?:floor|each|batches|count|command|node)/;
  return warm
    .filter((one) => !notPeers.test(one.name))
    .map((one) => {
      const least = advantages[name]?.[one.name] ?? 1;
      const advantage = medianOf(warm, one.name) / ours;
      return {
        what: `${title}: ${one.title}`,
        figure: `ours ${advantage.toFixed(advantage < 10 ? 1 : 0)} × faster`,
        limit: `at least ${least} ×`,
        holds: advantage >= least,
      };
    });
}

function command({ name, title, warm }: Measured): Judged[] {
  if (name !== '100000-over-1000000') {
    return [];
  }
  const node = medianOf(warm, 'node');
  const most = 1.3 * medianOf(warm, 'floor-n') + node + 30;
  const peakOf = (who: string): number => warm.find((one) => one.name === who)?.peakBytes ?? 0;
  return [
    atMost(`${title}: the command as a process`, medianOf(warm, 'command'), most, time),
    atMost(`${title}: the command's memory`, peakOf('command') - peakOf('node'), 64 * mebi, mib),
  ];
}

function oneFile({ name, title, warm, memory }: Measured): Judged[] {
  if (!name.startsWith('1-over')) {
    return [];
  }
  return [
    atMost(`${title}: for await`, medianOf(warm, 'each'), 2, time),
    // What two processes that do the same differ by.
    atMost(`${title}: memory, none measurable`, memory.each, mebi, mib),
  ];
}

function meanwhile({ name, title, beside, together }: Measured): Judged[] {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const many = name === '1000000-over-1000000' ? beside : undefined;
  return [
    ...(together === undefined
      ? []
      : [atMost(`${title}: four walks at once, four in sequence`, together, 1.3, times)]),
    ...(many === undefined
      ? []
      : [
          atMost(`${title}: event loop delay, p99`, many.delay.p99, 12, ms),
          atMost(`${title}: event loop delay, p99.9`, many.delay.p999, 25, ms),
          atMost(
            `${title}: fs.readFile meanwhile, median`,
            many.latency.median,
            1.25 * many.latencyIdle.median,
            ms,
          ),
          atMost(
            `${title}: fs.readFile meanwhile, p99`,
            many.latency.p99,
            2 * many.latencyIdle.p99,
            ms,
          ),
        ]),
  ];
}

/** Ten times the entries in at most 10.5 times the time; beside it what the floor takes. */
function growth(measured: readonly Measured[]): Judged[] {
  const steps = ['10000-over-100000', '100000-over-1000000', '1000000-over-1000000'];
  const found = steps.map((name) => measured.find((one) => one.name === name));
  return found.flatMap((larger, i) => {
    const smaller = i === 0 ? undefined : found[i - 1];
    if (larger === undefined || smaller === undefined) {
      return [];
    }
    const entries = larger.answer.entries / smaller.answer.entries;
    const grown = (who: string): number =>
      ((medianOf(larger.warm, who) / medianOf(smaller.warm, who)) * 10) / entries;
    const ours = grown('each');
    return [
      {
        what: `ten times the entries: ${smaller.title}; ${larger.title}`,
        figure: `${times(ours)} (the floor ${times(grown('floor-n'))})`,
        limit: 'at most 10.50 ×',
        holds: ours <= 10.5,
      },
    ];
  });
}

export function judge(measured: readonly Measured[]): Judged[] {
  const each = [ratios, oneFile, command, meanwhile, peers];
  return [...each.flatMap((part) => measured.flatMap(part)), ...growth(measured)];
}

export function printJudged(all: readonly Judged[]): void {
  if (all.length === 0) {
    return;
  }
  console.log('\nWhat must hold');
  for (const { what, figure, limit, holds } of all) {
    console.log(`  ${holds ? 'holds ' : 'MISSED'}  ${what}: ${figure}; ${limit}`);
  }
}
