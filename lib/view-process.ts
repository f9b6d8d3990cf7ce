/** Programs on an overlay that this process has no path for: they see it at a real one. */

import { constants } from 'node:os';
import { AbortError, errorFromFailure } from './errors.ts';
import type { NativeEnd, NativeProgram } from './native.ts';
import { native, unwrap } from './native.ts';
import { Input, Output } from './program-pipes.ts';
import type { RunOptions, RunPlan } from './run-options.ts';
import { runPlan } from './run-options.ts';

export interface RunResult {
  /** Of its own exit; `null` where a signal ended the program. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What was written; empty where it went elsewhere than to a pipe. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** What a program runs on. The descriptors are duplicated before `runInView` returns. */
export interface View {
  readonly mount: number;
  /** Of the namespace the overlay was mounted in; -1 where that is the caller's. */
  readonly userNamespace: number;
  /** Where a program sees the overlay unless it is told otherwise. Undefined: it has to be told. */
  readonly at: Buffer | undefined;
}

/** Real-time signals have no names in Node.js: `SIG34` and so on. */
function signalName(number: number): NodeJS.Signals {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return (found?.[0] ?? `SIG${number}`) as NodeJS.Signals;
}

/** A program that was started, up to its result. */
class RunningProgram {
  readonly #started: NativeProgram;
  readonly #plan: RunPlan;
  readonly #stdin: Input | undefined;
  readonly #stdout: Output | undefined;
  readonly #stderr: Output | undefined;
  #running = true;
  /** Why the result is an error, once it is one. */
  #reason: Error | undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(started: NativeProgram, plan: RunPlan) {
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
      const ended = this.#end();
      if (signal?.aborted) {
        abort(); // while it was being started
      }
      const end = await ended;
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

  /** When the end can be asked for, the program's descriptor can be read: no thread waits for it. */
  #end(): Promise<NativeEnd> {
    const { program, pidfd } = this.#started;
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      const look = (): void => {
        try {
          const end = unwrap(native().reapProgram(program));
          if (end === null) {
            return; // woken for nothing
          }
          resolve(end);
        } catch (error) {
          reject(error);
        }
        this.#running = false;
        native().unwatchFd(watch);
      };
      const watched = native().watchFd(pidfd, false, true, look);
      if ('failure' in watched) {
        resolve(this.#kill(errorFromFailure(watched.failure)));
        return;
      }
      const watch = watched.value;
    });
  }

  /** A program whose end nobody would learn of must not be left running. */
  async #kill(reason: Error): Promise<NativeEnd> {
    const { program } = this.#started;
    this.#reason = reason;
    unwrap(native().signalProgram(program, constants.signals.SIGKILL));
    const end = unwrap(await native().waitForProgram(program));
    this.#running = false;
    return end;
  }

  /** The program is told to end, and its result will be this error. */
  #stop(reason: Error): void {
    this.#reason ??= reason;
    if (!this.#running) {
      this.#letGo(); // what the program left running may hold its pipes for long
      return;
    }
    try {
      unwrap(native().signalProgram(this.#started.program, this.#plan.killSignal));
    } catch (error) {
      this.#fail(error);
    }
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

/** `Overlay.run` describes it. */
export async function runInView(
  view: View,
  command: unknown,
  args: unknown,
  options: RunOptions | undefined,
): Promise<RunResult> {
  const plan = runPlan(command, args, options, view.at);
  if (plan.signal?.aborted) {
    throw new AbortError(plan.signal.reason);
  }
  const started = await native().startInView({
    ...plan.start,
    mount: view.mount,
    userNamespace: view.userNamespace,
  });
  return new RunningProgram(unwrap(started), plan).result();
}
