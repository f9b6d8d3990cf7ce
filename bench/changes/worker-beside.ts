/** What else a process can do while it walks. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile, root } from '../tools.ts';
import type { Spread } from './worker-messages.ts';

const idleMs = 1500;

export function idle(): Promise<void> {
  return sleep(idleMs);
}

export async function loopDelay(work: () => Promise<unknown>): Promise<Spread> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work();
  histogram.disable();
  const ms = (percent: number): number => histogram.percentile(percent) / 1e6;
  return { median: ms(50), p99: ms(99), p999: ms(99.9), max: histogram.max / 1e6 };
}

function spread(values: readonly number[]): Spread {
  const at = (percent: number): number => percentile(values, percent);
  return { median: at(50), p99: at(99), p999: at(99.9), max: Math.max(...values) };
}

/** Reading a small file again and again, with a pause, since it is not that which is measured. */
export async function readLatency(work: () => Promise<unknown>): Promise<Spread> {
  const file = join(root, 'package.json');
  const took: number[] = [];
  let over = false;
  const working = work().finally(() => {
    over = true;
  });
  while (!over) {
    const started = performance.now();
    await readFile(file);
    took.push(performance.now() - started);
    await sleep(1);
  }
  await working;
  return spread(took);
}

export async function together(
  walk: () => Promise<unknown>,
): Promise<{ sequence: number; atOnce: number }> {
  const started = performance.now();
  for (let i = 0; i < 4; i++) {
    await walk();
  }
  const between = performance.now();
  await Promise.all([walk(), walk(), walk(), walk()]);
  return { sequence: between - started, atOnce: performance.now() - between };
}
