/** Programs that hold something of a mount until they are killed. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export class Holding implements Disposable {
  readonly pid: number;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    if (child.pid === undefined) {
      throw new Error('the program could not be started');
    }
    this.pid = child.pid;
    this.#child = child;
  }

  /** Kills it and waits until the kernel has let go of what it held. */
  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Starts a program and waits until the process runs `sleep`, whatever it went through before. */
export async function hold(
  file: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Holding> {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'ignore'], ...options });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const holding = new Holding(child);
  // Its loader has done its work when it waits for the clock.
  await until(`${file} ${args.join(' ')}`, () => {
    const [, comm, state] =
      /^\d+ \((.*)\) (\w)/s.exec(readFileSync(`/proc/${holding.pid}/stat`, 'latin1')) ?? [];
    return comm === 'sleep' && state === 'S';
  });
  return holding;
}

/** `sleep` with its working directory at a place. */
export function holdCwd(directory: string): Promise<Holding> {
  return hold('sleep', ['600'], { cwd: directory });
}

/** `sleep` with descriptor 7 on a file. */
export function holdOpen(file: string): Promise<Holding> {
  return hold('sh', ['-c', 'exec 7<"$1"; exec sleep 600', 'sh', file]);
}

/** Copies `sleep` and its libraries into a directory, so that it can be a root. The libraries' paths. */
export function installSleep(root: string): string[] {
  const [sleep = ''] = execFileSync('sh', ['-c', 'command -v sleep']).toString().split('\n');
  const libraries = execFileSync('ldd', [sleep]).toString().match(/\/\S+/g) ?? [];
  for (const [from, to] of [[sleep, '/sleep'], ...libraries.map((path) => [path, path])] as const) {
    const copy = join(root, to);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(from, copy);
  }
  return libraries;
}
