/** Programs on an overlay that this process has no path for: they see it at a real one. */
import { constants } from 'node:os';
import { AbortError, errorFromFailure } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { NativeEnd, NativeProgram } from './native-programs.ts';
import type { RunResult, StartedProgram } from './program-result.ts';
import { resultOf } from './program-result.ts';
import type { RunOptions } from './run-options.ts';
import { runPlan } from './run-options.ts';

/** What a program runs on. The descriptors are duplicated before `runInView` returns. */
export interface View {
  readonly mount: number;
  /** Of the namespace the overlay was mounted in; -1 where that is the caller's. */
  readonly userNamespace: number;
  /** Where a program sees the overlay unless it is told otherwise. Undefined: it has to be told. */
  readonly at: Buffer | undefined;
}

class ViewProgram implements StartedProgram {
  readonly pipes: StartedProgram['pipes'];
  readonly ended: Promise<NativeEnd>;
  readonly #started: NativeProgram;
  #running = true;
  #fail: (error: unknown) => void = () => undefined;

  constructor(started: NativeProgram) {
    this.#started = started;
    this.pipes = started.pipes;
    this.ended = this.#end();
  }

  signal(number: number): void {
    if (!this.#running) {
      return;
    }
    try {
      unwrap(native().signalProgram(this.#started.program, number));
    } catch (error) {
      this.#fail(error);
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
        this.#kill().then(() => reject(errorFromFailure(watched.failure)), reject);
        return;
      }
      const watch = watched.value;
    });
  }

  /** A program whose end nobody would learn of must not be left running. */
  async #kill(): Promise<void> {
    const { program } = this.#started;
    unwrap(native().signalProgram(program, constants.signals.SIGKILL));
    unwrap(await native().waitForProgram(program));
    this.#running = false;
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
  const { signal } = plan.result;
  if (signal?.aborted) {
    throw new AbortError(signal.reason);
  }
  const started = await native().startInView({
    ...plan.start,
    mount: view.mount,
    userNamespace: view.userNamespace,
  });
  return resultOf(new ViewProgram(unwrap(started)), plan.result);
}
