// Worker processes: each slot has one at a time per privilege, made when it is needed first.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cell, Filesystem, Privilege } from './cells.ts';
import type { Lengths } from './generator.ts';
import type { Answer, Setup, Task } from './messages.ts';

export interface Command {
  /** What makes a process the user that it is to be, with mounts of its own. */
  readonly words: readonly string[];
  readonly node: string;
  /** Who owns its directories. */
  readonly uid?: number;
  readonly gid?: number;
}

export interface PoolOptions {
  readonly places: ReadonlyMap<Filesystem, string>;
  readonly lengths: Lengths;
  readonly shrinkMs: number;
  /** For each slot. */
  readonly commands: readonly Readonly<Partial<Record<Privilege, Command>>>[];
}

const project: string = fileURLToPath(new URL('../../..', import.meta.url));
// Relative: another user may have the project at another place.
const program = 'dist/test/semantics/worker.js';

// A history takes milliseconds. One that makes the library go round in circles must end all the same.
const patience = 60_000;

class Worker {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #waiting: ((answer: Answer) => void) | undefined;

  constructor({ words, node }: Command, setup: Setup) {
    const [file, ...rest] = [...words, node, program, JSON.stringify(setup)];
    // In a session of its own: an interruption is for the main program to deal with.
    this.#child = spawn(file ?? node, rest, {
      cwd: project,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (answer: Answer) => this.#answer(answer));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#answer({ error: error.message }));
      // Not `close`: it does not come when we have disconnected.
      this.#child.once('exit', (code, signal) => {
        this.#answer({ error: `the worker ended (${signal ?? `status ${code}`})` });
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#child.connected;
  }

  perform(task: Task, limitMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#answer({ error: `no answer within ${limitMs / 1000} s` });
        this.kill();
      }, limitMs);
      this.#waiting = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      this.#child.send(task, (error) => {
        if (error !== null) this.#answer({ error: error.message });
      });
    });
  }

  async close(): Promise<void> {
    if (this.alive) this.#child.disconnect();
    await this.#ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(answer);
  }
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #workers = new Map<string, Worker>();
  #count = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get slots(): number {
    return this.#options.commands.length;
  }

  async perform(slot: number, cell: Cell, task: Task): Promise<Answer> {
    const key = `${slot}-${cell.privilege}`;
    let worker = this.#workers.get(key);
    if (worker?.alive !== true) {
      worker = await this.#start(slot, cell.privilege);
      this.#workers.set(key, worker);
    }
    return await worker.perform(task, patience + this.#options.shrinkMs);
  }

  async #start(slot: number, privilege: Privilege): Promise<Worker> {
    const { places, commands, lengths, shrinkMs } = this.#options;
    const command = commands[slot]?.[privilege];
    if (command === undefined) throw new Error(`there is no ${privilege} worker`);
    const grounds: Record<string, string> = {};
    // One that died may have left something.
    const name = `worker${this.#count++}`;
    for (const [filesystem, place] of places) {
      const ground = join(place, name);
      await mkdir(ground);
      if (command.uid !== undefined) await chown(ground, command.uid, command.gid ?? command.uid);
      grounds[filesystem] = ground;
    }
    return new Worker(command, { grounds, lengths, shrinkMs });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
  }

  kill(): void {
    for (const worker of this.#workers.values()) worker.kill();
  }
}
