/** Running programs on a copy-on-write view, and keeping or discarding what they did. */

import { optionalBoolean, optionalSignal, optionsObject } from './arguments.ts';
import type { Changes, ChangesOptions } from './changes.ts';
import { OverlayError } from './errors.ts';
import { overlayDescriptor, userNamespaceOf } from './opened-layers.ts';
import { parentOf } from './path-bytes.ts';
import type { RunResult } from './program-result.ts';
import { resultOf, signalName } from './program-result.ts';
import { programPlan, resultPlan, signalNumber } from './run-options.ts';
import type { SandboxOptions, SandboxRunOptions, SpawnOptions } from './sandbox-options.ts';
import {
  runOptionNames,
  sandboxPlan,
  spawnOptionNames,
  startDirectory,
} from './sandbox-options.ts';
import { inOrder } from './sandbox-places.ts';
import type { SandboxProcess } from './sandbox-process.ts';
import { sandboxProcess } from './sandbox-process.ts';
import type { MountedPlace, OpenedSession } from './sandbox-session.ts';
import { closeAll, openSession } from './sandbox-session.ts';
import type { SandboxView } from './sandboxed-program.ts';
import { programEnvironment, SandboxedProgram, throwIfAborted } from './sandboxed-program.ts';
import { noSuchSession } from './session-errors.ts';
import type { RecordedEnd } from './session-record.ts';
import { removeLocked } from './session-removal.ts';
import { writeRecord } from './session-store.ts';
import { viewSteps } from './view-steps.ts';

/** What programs see on one directory. */
export interface SandboxOverlay {
  readonly target: string;
  readonly targetBytes: Buffer;
  /** What differs from the layers below: `changes()` of this overlay. While programs run it may be anything. */
  changes(options?: ChangesOptions): Changes;
}

export interface SandboxCloseOptions {
  /**
   * Whether the session is removed, with everything that programs have written. Default: true unless it
   * has a name; true as well where it is new and programs were to be started in it, of which none could be.
   */
  readonly discard?: boolean;
}

/** Known in this file only: JavaScript has no private constructors. */
const key = Symbol('createSandbox');
let sandboxOf: (opened: OpenedSession, grace: number) => Sandbox;

function described({ target, overlay }: MountedPlace): SandboxOverlay {
  return {
    target: target.toString(),
    targetBytes: target,
    changes: (options) => overlay.changes(options),
  };
}

function started(
  view: SandboxView,
  { file, args, stdio }: ReturnType<typeof programPlan>,
  given: Readonly<Record<string, unknown>>,
  relay = false,
): SandboxedProgram {
  const env = programEnvironment(given.env);
  const cwd = startDirectory(given.cwd);
  return SandboxedProgram.start(view, { file, args, stdio, env, cwd }, relay);
}

/**
 * A copy-on-write view of directories, for programs only: nobody else sees it, and nothing is mounted in
 * this process's mount namespace. Made by `createSandbox`.
 */
export class Sandbox implements AsyncDisposable {
  /** Of the session. */
  readonly name: string;
  /** Directory of the session. */
  readonly path: string;
  readonly pathBytes: Buffer;
  /** Outer ones first. */
  readonly overlays: readonly SandboxOverlay[];
  /** What could not be done as one may expect, as sentences. */
  readonly warnings: readonly string[];
  readonly #session: OpenedSession;
  readonly #grace: number;
  readonly #running = new Set<SandboxedProgram>();
  #last: RecordedEnd | undefined;
  #starts: 'none' | 'failed' | 'some' = 'none';
  #closing: Promise<void> | undefined;
  #finished = false;

  static {
    sandboxOf = (opened, grace) => new Sandbox(opened, grace, key);
  }

  private constructor(opened: OpenedSession, grace: number, caller: symbol) {
    if (caller !== key) {
      throw Object.assign(new TypeError('A Sandbox is made by createSandbox'), {
        code: 'ERR_ILLEGAL_CONSTRUCTOR',
      });
    }
    this.#session = opened;
    this.#grace = grace;
    this.#last = opened.record.last;
    this.name = opened.record.name;
    this.path = opened.path.toString();
    this.pathBytes = opened.path;
    this.overlays = opened.places.map(described);
    this.warnings = [
      ...opened.warnings,
      ...opened.places.flatMap(({ overlay }) => overlay.warnings),
    ];
  }

  /**
   * Starts a program, as `child_process.spawn` does: it blocks until the program has been executed, and
   * what goes wrong then is an `error` event. The program works in the same directory as this process, but in the
   * view of it. When it has ended, what it has left running is sent SIGTERM, and after `grace` SIGKILL;
   * only then comes `close`. If this process ends, all of it ends as well.
   *
   * An ordinary user stays who he is and has no capabilities. The terminal and the process group are those of
   * this process, and so are the network and `/proc` unless the sandbox was asked for others.
   *
   * @param command looked for in the `PATH` of the program's environment, if it has no slash.
   */
  spawn(
    command: string | Buffer,
    args: readonly (string | Buffer)[] = [],
    options?: SpawnOptions,
  ): SandboxProcess {
    const given = optionsObject(options, 'options', spawnOptionNames);
    const program = programPlan(command, args, given.stdio);
    const plan = {
      file: String(command),
      args: args.map(String),
      signal: optionalSignal(given.signal, 'options.signal'),
      killSignal: signalNumber(given.killSignal ?? 'SIGTERM', 'options.killSignal'),
    };
    const relay = optionalBoolean(given.relaySignals, 'options.relaySignals') ?? false;
    const view = this.#view();
    try {
      throwIfAborted(plan.signal);
      const running = this.#start(() => started(view, program, given, relay));
      return sandboxProcess(running, plan);
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) {
        throw error;
      }
      return sandboxProcess(error, plan);
    }
  }

  /**
   * Runs a program up to its end, and to that of everything it has left running. Resolves with whatever
   * code.
   *
   * @throws OverlayError `ENOENT`, `EACCES`, `ENOEXEC` with syscall `execve` where the program cannot be
   * started; `AbortError` after a `signal`; `ERR_CHILD_PROCESS_STDIO_MAXBUFFER` as `node:child_process`.
   */
  async run(
    command: string | Buffer,
    args: readonly (string | Buffer)[] = [],
    options?: SandboxRunOptions,
  ): Promise<RunResult> {
    const given = optionsObject(options, 'options', runOptionNames);
    const program = programPlan(command, args, given.stdio);
    const plan = resultPlan(given, program.stdio[0]);
    throwIfAborted(plan.signal);
    const view = this.#view();
    const running = this.#start(() => started(view, program, given));
    try {
      return await resultOf(running, plan);
    } finally {
      await running.gone;
    }
  }

  /**
   * Ends every program that still runs, and keeps or discards the session. Calling it again is harmless;
   * after a failure it can be tried again.
   */
  async close(options?: SandboxCloseOptions): Promise<void> {
    const given = optionsObject(options, 'options', ['discard']);
    const { record, fresh } = this.#session;
    const unused = record.ephemeral || (fresh && this.#starts === 'failed');
    const discard = optionalBoolean(given.discard, 'options.discard') ?? unused;
    if (this.#finished) {
      return;
    }
    this.#closing ??= this.#close(discard).catch((error: unknown) => {
      this.#closing = undefined;
      throw error;
    });
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start(start: () => SandboxedProgram): SandboxedProgram {
    try {
      const running = this.#supervise(start());
      this.#starts = 'some';
      return running;
    } catch (error) {
      if (this.#starts === 'none' && error instanceof OverlayError) {
        this.#starts = 'failed';
      }
      throw error;
    }
  }

  #supervise(program: SandboxedProgram): SandboxedProgram {
    this.#running.add(program);
    program.ended.then(
      ({ code, signal }) => {
        this.#last =
          signal === 0 ? { code, signal: null } : { code: null, signal: signalName(signal) };
      },
      () => undefined, // whoever started it is told
    );
    program.gone.then(
      () => this.#running.delete(program),
      () => this.#running.delete(program),
    );
    return program;
  }

  #view(): SandboxView {
    if (this.#finished || this.#closing !== undefined) {
      throw Object.assign(new Error('The sandbox is closed'), { code: 'ERR_INVALID_STATE' });
    }
    const { places, carried, emptied, locks, isolation } = this.#session;
    const [first] = places;
    const mounts = inOrder([
      ...places.map(({ target, overlay }) => ({ target, mount: overlayDescriptor(overlay) })),
      ...carried.map((target) => ({ target: Buffer.from(target), mount: viewSteps.carried })),
      ...emptied.map((target) => ({ target: Buffer.from(target), mount: viewSteps.empty })),
    ]).map(({ target, mount }) => ({ at: target, mount }));
    return {
      mounts: [...(isolation?.before ?? []), ...mounts, ...(isolation?.after ?? [])],
      network: isolation?.network ?? true,
      userNamespace: first === undefined ? -1 : userNamespaceOf(first.overlay),
      kept: locks.map(({ fd }) => fd),
      grace: this.#grace,
    };
  }

  async #close(discard: boolean): Promise<void> {
    const { path, record, places, locks } = this.#session;
    const [lock] = locks;
    for (const program of this.#running) {
      program.end();
    }
    await Promise.allSettled([...this.#running].map(({ gone }) => gone));
    await closeAll(places, !discard);
    const release = (): Promise<unknown> => Promise.all(locks.map((lock) => lock.release()));
    if (discard) {
      await removeLocked(path, lock);
    } else if (!(await lock.isAt(path))) {
      await release(); // nothing of it is left to be kept
      this.#finished = true;
      throw noSuchSession(record.name, parentOf(path));
    } else {
      const ended = { ...record, ephemeral: false, last: this.#last };
      const failing = 'how the program has ended was not written down';
      await writeRecord(path, ended, failing).catch(async (error: unknown) => {
        if (!record.ephemeral) {
          await release(); // it is whole as it is
          this.#finished = true;
        }
        throw error;
      });
    }
    await release();
    this.#finished = true;
  }
}

/**
 * Makes a copy-on-write view of directories for programs to run in. What they write lands in a session,
 * which is discarded when the sandbox is closed unless it has a name.
 *
 * It takes no privileges; as root, files of every owner can be changed.
 *
 * @throws OverlayError `EBUSY` where somebody works with the session, `ERR_SESSION_BROKEN` where it is
 * not whole, `EINVAL` where no session can be kept or an ordinary user's directory has mounts below it, and what
 * `mountOverlay` throws.
 */
export async function createSandbox(options?: SandboxOptions): Promise<Sandbox> {
  const plan = sandboxPlan(options);
  return sandboxOf(await openSession(plan), plan.grace);
}
