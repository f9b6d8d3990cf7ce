/** What is measured apart, since measuring it takes time: memory, system calls, what waits meanwhile. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { script } from '../tools.ts';
import type { Programs } from './contestants.ts';
import { floorWords } from './contestants.ts';
import type { Layers } from './trees.ts';
import { askOnce } from './worker-client.ts';
import type { How, Spread } from './worker-messages.ts';

export interface Calls {
  readonly total: number;
  /** By name, the most frequent first. */
  readonly text: string;
}

export interface Memory {
  /** Above a Node that has the library loaded and has walked over nothing. */
  readonly each: number;
  readonly batches: number;
}

export interface Beside {
  readonly delay: Spread;
  readonly delayIdle: Spread;
  readonly latency: Spread;
  readonly latencyIdle: Spread;
}

/** The least of some runs: what is above that is chance. */
async function peak(what: 'walk' | 'idle', how: How, layers: Layers): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const { peakBytes = 0 } = await askOnce({ what, how, layers });
    least = Math.min(least, peakBytes);
  }
  return least;
}

export async function memory(layers: Layers): Promise<Memory> {
  const idle = await peak('idle', 'each', layers);
  return {
    each: (await peak('walk', 'each', layers)) - idle,
    batches: (await peak('walk', 'batches', layers)) - idle,
  };
}

export async function beside(layers: Layers): Promise<Beside> {
  const spread = async (
    what: 'loop' | 'loop-idle' | 'reading' | 'reading-idle',
  ): Promise<Spread> => {
    const { delay, latency } = await askOnce({ what, how: 'each', layers });
    const told = delay ?? latency;
    if (told === undefined) {
      throw new Error(`no answer to ${what}`);
    }
    return told;
  };
  return {
    delay: await spread('loop'),
    delayIdle: await spread('loop-idle'),
    latency: await spread('reading'),
    latencyIdle: await spread('reading-idle'),
  };
}

/** Four walks at once, in four walks one after the other; the median of three. */
export async function together(layers: Layers): Promise<number> {
  const ratios: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { together: four } = await askOnce({ what: 'together', how: 'each', layers });
    if (four !== undefined) {
      ratios.push(four.atOnce / four.sequence);
    }
  }
  return ratios.sort((a, b) => a - b)[1] ?? Number.NaN;
}

/** Call by call: `strace -c` leaves out those that it does not know. */
function traced(words: readonly string[]): Map<string, number> | string {
  const directory = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
  const log = join(directory, 'calls');
  try {
    const { error, status, stderr } = spawnSync('strace', ['-f', '-qq', '-o', log, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (error !== undefined || status !== 0) {
      return `strace: ${error?.message ?? stderr.trim()}`;
    }
    const calls = new Map<string, number>();
    for (const [, name = ''] of readFileSync(log, 'latin1').matchAll(/^\d+ +(\w+)\(/gm)) {
      calls.set(name, (calls.get(name) ?? 0) + 1);
    }
    return calls;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Newer than many an strace, which then has the number only. */
const names: Readonly<Record<string, string>> = {
  syscall_0x1d0: 'getxattrat',
  syscall_0x1d1: 'listxattrat',
};

function summed(calls: ReadonlyMap<string, number>, entries: number): Calls {
  const total = [...calls.values()].reduce((sum, count) => sum + count, 0);
  const text = [...calls]
    .sort(([, a], [, b]) => b - a)
    .filter(([, count]) => count / entries >= 0.005)
    .map(([name, count]) => `${(count / entries).toFixed(2)} ${names[name] ?? name}`)
    .join(', ');
  return { total, text };
}

export interface Traced {
  readonly floor: Calls;
  readonly ours: Calls;
}

/** Of ours what a walk over nothing makes is taken off. What is missing is said instead. */
export function systemCalls(programs: Programs, layers: Layers, entries: number): Traced | string {
  const floor = traced([programs.floor, ...floorWords(layers, 1)]);
  const run = (upper: string): ReturnType<typeof traced> =>
    traced([process.execPath, script('changes/once'), upper, layers.lower, layers.xattrs]);
  const ours = run(layers.upper);
  const nothing = run('');
  if (typeof floor === 'string' || typeof ours === 'string' || typeof nothing === 'string') {
    return [floor, ours, nothing].find((one) => typeof one === 'string') as string;
  }
  for (const [name, count] of nothing) {
    ours.set(name, Math.max(0, (ours.get(name) ?? 0) - count));
  }
  return { floor: summed(floor, entries), ours: summed(ours, entries) };
}
