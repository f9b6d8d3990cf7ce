/** What every bench needs: its C program, other programs, and numbers in order. */
import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The text that it prints. */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
}

/** Compiles `bench/NAME.c`; gives the program. */
export function compile(name: string): string {
  const program = join(root, 'build', `bench-${name}`);
  run('cc', '-O2', '-o', program, join(root, 'bench', `${name}.c`));
  return program;
}

/** The path of another file here, to run it with Node. */
export function script(name: string): string {
  return fileURLToPath(new URL(`${name}.js`, import.meta.url));
}

/** `percent` of the values are below. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length * percent) / 100)] ?? Number.NaN;
}

export function printMachine(): void {
  console.log(
    `Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model}`,
  );
}
