/** A program in a sandbox, up to the moment when nothing of it is left. */
import { readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { AbortError, errorFromFailure } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { NativeEnd } from './native-programs.ts';
import type { NativeSandboxed, NativeSandboxStart, SandboxedHandle } from './native-sandboxes.ts';
import type { StartedProgram } from './program-result.ts';
import { environment } from './run-options.ts';

/** What a program in a sandbox runs on. The descriptors have to be open while it is started. */
export type SandboxView = Pick<
  NativeSandboxStart,
  'mounts' | 'userNamespace' | 'network' | 'kept' | 'grace'
>;

/** No worker runs on the first thread of the process; and node:worker_threads is not loaded for everybody. */
function onMainThread(): boolean {
  let thread: string;
  try {
    thread = readlinkSync('/proc/thread-self');
  } catch {
    return process.getBuiltinModule('node:worker_threads').isMainThread;
  }
  return /^(\d+)\/task\/\1$/.test(thread);
}

/** The exact bytes where nobody has said otherwise. A worker's process.env is a copy of its own. */
export function programEnvironment(given: unknown): readonly Buffer[] | null {
  return given === undefined && onMainThread() ? null : environment(given ?? process.env);
}

const { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH } = constants.signals;
const relayed = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH];

const kinds = { nothing: 0, ended: 1, gone: 2 } as const;
/** Where the supervisor was killed nobody knows more of the program than that it was killed too. */
const killed: NativeEnd = { code: -1, signal: 9 };

export class SandboxedProgram implements StartedProgram {
  readonly pid: number;
  readonly pipes: StartedProgram['pipes'];
  /** Of the program itself. */
  readonly ended: Promise<NativeEnd>;
  /** Nothing that it has started is left, and nothing is mounted for it. */
  readonly gone: Promise<void>;
  readonly #program: SandboxedHandle;
  #running = true;
  readonly #relaying: boolean;

  /**
   * Blocks until the program has been executed, as `child_process.spawn` does.
   *
   * @param relay Signals to this process are handed on to the program, until everything has ended.
   */
  static start(
    view: SandboxView,
    program: Omit<NativeSandboxStart, keyof SandboxView>,
    relay = false,
  ): SandboxedProgram {
    if (!relay) {
      return new SandboxedProgram(unwrap(native().startInSandbox({ ...view, ...program })), false);
    }
    unwrap(native().startRelay(relayed)); // before the program can tell anybody that it is there
    try {
      const started = unwrap(native().startInSandbox({ ...view, ...program }));
      native().aimRelay(started.program);
      return new SandboxedProgram(started, true);
    } catch (error) {
      native().stopRelay();
      throw error;
    }
  }

  private constructor(started: NativeSandboxed, relaying: boolean) {
    this.#relaying = relaying;
    this.pid = started.pid;
    this.pipes = started.pipes;
    this.#program = started.program;
    let tellEnded: (end: NativeEnd) => void = () => undefined;
    let failEnded: (error: unknown) => void = () => undefined;
    this.ended = new Promise((resolve, reject) => {
      tellEnded = resolve;
      failEnded = reject;
    });
    this.gone = this.#watch(started.reports, tellEnded);
    this.gone.catch(failEnded);
  }

  /** False where it has ended already. */
  kill(number: number): boolean {
    const sent = this.#running && !('failure' in native().signalSandboxed(this.#program, number));
    return sent;
  }

  signal(number: number): void {
    this.kill(number);
  }

  /** Ends the program and everything it has started. */
  end(): void {
    unwrap(native().endSandboxed(this.#program));
  }

  #release(): void {
    this.#running = false;
    if (this.#relaying) {
      native().stopRelay();
    }
    unwrap(native().releaseSandboxed(this.#program));
  }

  #watch(reports: number, tellEnded: (end: NativeEnd) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const read = (): boolean => {
        const { kind, ...end } = unwrap(native().sandboxReport(this.#program));
        if (kind === kinds.nothing) {
          return false;
        }
        this.#running = false;
        tellEnded(kind === kinds.ended ? end : killed); // only the first one counts
        return kind === kinds.gone;
      };
      const look = (): void => {
        try {
          if (!read()) {
            return;
          }
          resolve();
        } catch (error) {
          reject(error);
        }
        native().unwatchFd(watch);
        this.#release();
      };
      const watched = native().watchFd(reports, false, true, look);
      if ('failure' in watched) {
        this.end(); // nobody would learn of its end
        reject(errorFromFailure(watched.failure));
        return;
      }
      const watch = watched.value;
    });
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new AbortError(signal.reason);
  }
}
