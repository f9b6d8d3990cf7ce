/**
 * `npm run bench`: reading uppers of growing size. The library and a minimal C program that asks the
 * kernel for the same things take turns; what counts is the ratio of their medians in one run.
 *
 *     npm run bench -- [--files 10000,100000] [--runs 5]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Measured } from './consume.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const floor = join(root, 'build', 'bench-floor');
const consume = fileURLToPath(new URL('consume.js', import.meta.url));

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function measure(directory: string, what: 'walk' | 'idle'): Measured {
  return JSON.parse(run(process.execPath, consume, directory, what)) as Measured;
}

function timedFloor(directory: string): { milliseconds: number; kinds: Record<string, number> } {
  const started = performance.now();
  const output = run(floor, 'walk', directory);
  const milliseconds = performance.now() - started;
  const count = (letter: string): number =>
    output.match(new RegExp(`^${letter} `, 'gm'))?.length ?? 0;
  return { milliseconds, kinds: { added: count('A'), modified: count('M'), deleted: count('D') } };
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;

function benchmark(base: string, files: number, runs: number): void {
  const directory = join(base, String(files));
  run(floor, 'make', directory, String(files));
  timedFloor(directory); // warms the cache for both
  const ours: Measured[] = [];
  const floors: number[] = [];
  let agree = true;
  for (let i = 0; i < runs; i++) {
    const bottom = timedFloor(directory);
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

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000,100000' },
    runs: { type: 'string', default: '5' },
  },
});
run('cc', '-O2', '-o', floor, join(root, 'bench', 'floor.c'));
console.log(`Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model}`);
const base = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
try {
  for (const files of values.files.split(',')) {
    benchmark(base, Number(files), Number(values.runs));
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
