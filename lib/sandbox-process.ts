/** What `sandbox.spawn` returns: as `node:child_process` has it. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { AbortError } from './errors.ts';
import { pipeSocket } from './program-pipes.ts';
import { signalName } from './program-result.ts';
import { signalNumber } from './run-options.ts';
import type { SandboxedProgram } from './sandboxed-program.ts';

export interface SandboxProcessEvents {
  /** It runs. */
  spawn: [];
  /** It could not be started (then there is no other event), or was aborted. */
  error: [error: Error];
  /** The program itself has ended. */
  exit: [code: number | null, signal: NodeJS.Signals | null];
  /**
   * Everything is over: what the program had left running has been ended, its output was read, and the
   * sandbox can be closed.
   */
  close: [code: number | null, signal: NodeJS.Signals | null];
}

/** Known in this library only: JavaScript has no private constructors. */
const key = Symbol('sandbox.spawn');

export interface SpawnPlan {
  readonly file: string;
  readonly args: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly killSignal: number;
}

/** A program in a sandbox: `sandbox.spawn` makes one. */
export class SandboxProcess extends EventEmitter<SandboxProcessEvents> implements Disposable {
  /** Of the program, in this pid namespace. Undefined where it could not be started. */
  readonly pid: number | undefined;
  /** Null where it is no pipe. */
  readonly stdin: Writable | null = null;
  readonly stdout: Readable | null = null;
  readonly stderr: Readable | null = null;
  readonly spawnfile: string;
  readonly spawnargs: readonly string[];
  /** Of its own exit, once it has ended; null where a signal ended it. */
  exitCode: number | null = null;
  signalCode: NodeJS.Signals | null = null;
  /** A signal was sent by `kill`. */
  killed = false;
  readonly #program: SandboxedProgram | undefined;
  readonly #plan: SpawnPlan;
  readonly #streams: readonly Socket[] = [];

  /** @internal */
  constructor(program: SandboxedProgram | Error, plan: SpawnPlan, caller: symbol) {
    super();
    if (caller !== key) {
      throw Object.assign(new TypeError('A SandboxProcess is made by sandbox.spawn'), {
        code: 'ERR_ILLEGAL_CONSTRUCTOR',
      });
    }
    this.#plan = plan;
    this.spawnfile = plan.file;
    this.spawnargs = [plan.file, ...plan.args];
    if (program instanceof Error) {
      process.nextTick(() => this.emit('error', program));
      return;
    }
    this.#program = program;
    this.pid = program.pid;
    const [stdin, stdout, stderr] = program.pipes;
    const open = (fd: number, writable: boolean): Socket | null =>
      fd < 0 ? null : pipeSocket({ fd, readable: !writable, writable });
    const streams = [open(stdin, true), open(stdout, false), open(stderr, false)] as const;
    [this.stdin, this.stdout, this.stderr] = streams;
    this.#streams = streams.filter((stream) => stream !== null);
    process.nextTick(() => this.emit('spawn'));
    this.#live(program).catch((error: Error) => process.nextTick(() => this.emit('error', error)));
  }

  /**
   * Sends a signal to the program, as kill(2); what it has started is not signalled.
   *
   * @param signal Default: `'SIGTERM'`.
   * @returns false where it has ended already.
   */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    const number = signal === 0 ? 0 : signalNumber(signal, 'signal');
    const sent = this.#program?.kill(number) ?? false;
    this.killed ||= sent && number !== 0;
    return sent;
  }

  /** Ends the program. */
  [Symbol.dispose](): void {
    this.kill();
  }

  /** Listeners are called outside of the promise, so that what they throw is theirs. */
  async #live(program: SandboxedProgram): Promise<void> {
    const closed = this.#streams.map(
      (stream) => new Promise((resolve) => stream.once('close', resolve)),
    );
    const stopWatching = this.#watchAbort();
    try {
      const end = await program.ended;
      if (end.signal === 0) {
        this.exitCode = end.code;
      } else {
        this.signalCode = signalName(end.signal);
      }
    } finally {
      stopWatching();
      this.stdin?.destroy();
    }
    process.nextTick(() => this.emit('exit', this.exitCode, this.signalCode));
    for (const stream of this.#streams) {
      if (stream.readableFlowing === null && stream.readable) {
        stream.resume(); // nobody reads it, and it would never end
      }
    }
    await Promise.all([program.gone, ...closed]);
    process.nextTick(() => this.emit('close', this.exitCode, this.signalCode));
  }

  #watchAbort(): () => void {
    const { signal, killSignal } = this.#plan;
    const abort = (): void => {
      if (this.kill(killSignal)) {
        this.emit('error', new AbortError(signal?.reason));
      }
    };
    signal?.addEventListener('abort', abort, { once: true });
    return () => signal?.removeEventListener('abort', abort);
  }
}

export function sandboxProcess(program: SandboxedProgram | Error, plan: SpawnPlan): SandboxProcess {
  return new SandboxProcess(program, plan, key);
}
