/** A program up to its result: input written, output collected, aborts handed on. */
import { constants } from 'node:os';
import { AbortError } from './errors.ts';
import type { NativeEnd } from './native-programs.ts';
import { Input, Output } from './program-pipes.ts';
import type { ResultPlan } from './run-options.ts';

export interface RunResult {
  /** Of its own exit; `null` where a signal ended the program. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What was written; empty where it went elsewhere than to a pipe. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Real-time signals have no names in Node.js: `SIG34` and so on. */
export function signalName(number: number): NodeJS.Signals {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return (found?.[0] ?? `SIG${number}`) as NodeJS.Signals;
}

/** A program that runs. */
export interface StartedProgram {
  /** Descriptors; -1 where there is none. */
  readonly pipes: readonly [number, number, number];
  /** Rejects where its end cannot be learnt; then it is gone as well. */
  readonly ended: Promise<NativeEnd>;
  /** What has ended takes no more of them. A failure is one of `ended`. */
  signal(number: number): void;
}

/** A program that was started, up to its result. */
class RunningProgram {
  readonly #started: StartedProgram;
  readonly #plan: ResultPlan;
  readonly #stdin: Input | undefined;
  readonly #stdout: Output | undefined;
  readonly #stderr: Output | undefined;
  #running = true;
  /** Why the result is an error, once it is one. */
  #reason: Error | undefined;

  constructor(started: StartedProgram, plan: ResultPlan) {
    this.#started = started;
    this.#plan = plan;
    const [stdin, stdout, stderr] = started.pipes;
    const failed = (error: Error): void => this.#stop(error);
    this.#stdin = stdin < 0 ? undefined : new Input(stdin, plan.input, failed);
    const collect = (fd: number, name: string): Output | undefined =>
      fd < 0
        ? undefined
        : new Output(fd, plan.maxBuffer, () => this.#stop(this.#exceeded(name)), failed);
    this.#stdout = collect(stdout, 'stdout');
    this.#stderr = collect(stderr, 'stderr');
  }

  async result(): Promise<RunResult> {
    const { signal } = this.#plan;
    const abort = (): void => this.#stop(new AbortError(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      if (signal?.aborted) {
        abort(); // while it was being started
      }
      const end = await this.#ended();
      if (this.#reason === undefined) {
        await Promise.all([this.#stdout?.closed, this.#stderr?.closed]);
      }
      if (this.#reason !== undefined) {
        throw this.#reason;
      }
      const byItself = end.signal === 0;
      return {
        code: byItself ? end.code : null,
        signal: byItself ? null : signalName(end.signal),
        ...this.#collected(),
      };
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#letGo();
      await Promise.all([this.#stdin?.closed, this.#stdout?.closed, this.#stderr?.closed]);
    }
  }

  async #ended(): Promise<NativeEnd> {
    try {
      return await this.#started.ended;
    } finally {
      this.#running = false;
    }
  }

  /** The program is told to end, and its result will be this error. */
  #stop(reason: Error): void {
    this.#reason ??= reason;
    if (!this.#running) {
      this.#letGo(); // what the program left running may hold its pipes for long
      return;
    }
    this.#started.signal(this.#plan.killSignal);
  }

  #letGo(): void {
    this.#stdin?.giveUp();
    this.#stdout?.giveUp();
    this.#stderr?.giveUp();
  }

  #collected(): Pick<RunResult, 'stdout' | 'stderr'> {
    return {
      stdout: this.#stdout?.bytes() ?? Buffer.alloc(0),
      stderr: this.#stderr?.bytes() ?? Buffer.alloc(0),
    };
  }

  /** As `node:child_process` has it. */
  #exceeded(name: string): Error {
    return Object.assign(new RangeError(`${name} maxBuffer length exceeded`), {
      code: 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER',
      ...this.#collected(),
    });
  }
}

export function resultOf(started: StartedProgram, plan: ResultPlan): Promise<RunResult> {
  return new RunningProgram(started, plan).result();
}
