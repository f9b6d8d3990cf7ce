/** What every bench needs: its C programs, other programs, and numbers in order. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** The text that it prints. */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
}

/** Ends as the program does. Told to end it tells the program, and then clears up after it. */
export async function runToEnd(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const pass = (signal: NodeJS.Signals): unknown => child.kill(signal);
  for (const signal of signals) {
    process.on(signal, pass);
  }
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    for (const signal of signals) {
      process.off(signal, pass);
    }
  }
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Compiles `bench/NAME.c`, or all of `bench/NAME/`, unless that is done; gives the program. */
export function compile(name: string): string {
  const directory = join(root, 'bench', name);
  const program = join(root, 'build', `bench-${name}`);
  const sources = existsSync(directory)
    ? readdirSync(directory).map((file) => join(directory, file))
    : [`${directory}.c`];
  if (Math.max(...sources.map(modified)) >= modified(program)) {
    mkdirSync(join(root, 'build'), { recursive: true });
    const compiled = sources.filter((file) => file.endsWith('.c'));
    run('cc', '-O2', '-pthread', '-o', program, ...compiled);
  }
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

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

function machine(): string {
  const [cpu] = cpus();
  return `Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpu?.model.trim()}`;
}

export function printMachine(): void {
  console.log(machine());
}
