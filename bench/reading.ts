/** Reading uppers of growing size; the medians of both are compared. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measured } from './reading-run.ts';
import { compile, percentile, printMachine, run, script } from './tools.ts';

const median = (values: readonly number[]): number => percentile(values, 50);

function measure(directory: string, what: 'walk' | 'idle'): Measured {
  return JSON.parse(run(process.execPath, script('reading-run'), directory, what)) as Measured;
}

function timedFloor(
  floor: string,
  directory: string,
): { milliseconds: number; kinds: Record<string, number> } {
  const started = performance.now();
  const output = run(floor, 'walk', directory);
  const milliseconds = performance.now() - started;
  const count = (letter: string): number =>
    output.match(new RegExp(`^${letter} `, 'gm'))?.length ?? 0;
  return { milliseconds, kinds: { added: count('A'), modified: count('M'), deleted: count('D') } };
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;

function benchmark(floor: string, base: string, files: number, runs: number): void {
  const directory = join(base, String(files));
  run(floor, 'make', directory, String(files));
  timedFloor(floor, directory); // warms the cache for both
  const ours: Measured[] = [];
  const floors: number[] = [];
  let agree = true;
  for (let i = 0; i < runs; i++) {
    const bottom = timedFloor(floor, directory);
    const measured = measure(directory, 'walk');
    floors.push(bottom.milliseconds);
    ours.push(measured);
    agree &&= JSON.stringify(bottom.kinds) === JSON.stringify(measured.kinds);
  }
  const time = median(ours.map((one) => one.milliseconds));
  const bottom = median(floors);
  const idle = measure(directory, 'idle');
  console.log(`\n${files} changes, warm cache, medians of ${runs} runs`);
  console.log(`  answer                 ${agree ? 'the same as the C program' : 'DIFFERENT'}`);
  console.log(
    `  changes(), for await   ${ms(time)}, ${((time * 1000) / files).toFixed(2)} µs each`,
  );
  console.log(`  minimal C, one thread  ${ms(bottom)} with its start`);
  console.log(`  ratio                  ${(time / bottom).toFixed(2)}`);
  console.log(`  memory, highest growth ${mib(Math.max(...ours.map((one) => one.peakBytes)))}`);
  console.log(
    `  event loop held up     at most ${ms(Math.max(...ours.map((one) => one.maxDelayMs)))}, ` +
      `p99 ${ms(median(ours.map((one) => one.p99DelayMs)))} ` +
      `(idle control: ${ms(idle.maxDelayMs)}, ${ms(idle.p99DelayMs)})`,
  );
  if (!agree) {
    process.exitCode = 1;
  }
}

export function reading(args: readonly string[]): void {
  const { values } = parseArgs({
    args: [...args],
    options: {
      files: { type: 'string', default: '10000,100000' },
      runs: { type: 'string', default: '5' },
    },
  });
  const floor = compile('floor-reading');
  printMachine();
  const base = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
  try {
    for (const files of values.files.split(',')) {
      benchmark(floor, base, Number(files), Number(values.runs));
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
