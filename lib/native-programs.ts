/** The addon starts programs that see an overlay, and watches descriptors for them and others. */
import type { Handle, Outcome } from './native-outcome.ts';

export type ProgramHandle = Handle<'program'>;
export type WatchHandle = Handle<'watch'>;

export interface NativeProgramSpec {
  readonly file: Buffer;
  /** From argv[0] on. */
  readonly args: readonly Buffer[];
  /** `NAME=value`; null: that of this process, byte by byte. */
  readonly env: readonly Buffer[] | null;
  readonly cwd: Buffer;
  /** Three descriptors, or -1 for /dev/null, -2 for a new pipe. */
  readonly stdio: readonly number[];
}

export interface NativeStart extends NativeProgramSpec {
  /** Descriptors. */
  readonly mount: number;
  /** -1: that of the caller. */
  readonly userNamespace: number;
  readonly at: Buffer;
}

export interface NativeProgram {
  readonly program: ProgramHandle;
  readonly pid: number;
  /** Belongs to `program`. */
  readonly pidfd: number;
  /** Descriptors that are the caller's to close; -1 where no pipe was asked for. */
  readonly pipes: readonly [number, number, number];
}

export interface NativeEnd {
  /** -1 where a signal ended it. */
  readonly code: number;
  /** 0 where it ended by itself. */
  readonly signal: number;
}

export interface NativePrograms {
  startInView(spec: NativeStart): Promise<Outcome<NativeProgram>>;
  /** Null while it runs. Once the end was told, the handle is good for nothing. */
  reapProgram(program: ProgramHandle): Outcome<NativeEnd | null>;
  /** Waits in the pool. */
  waitForProgram(program: ProgramHandle): Promise<Outcome<NativeEnd>>;
  signalProgram(program: ProgramHandle, signal: number): Outcome<undefined>;
  /**
   * Calls back in the event loop whenever poll(2) says POLLIN (with `priority`: POLLPRI) of a duplicate
   * of `fd`, or an error of it; after an error not again. Only with `keepAlive` does the watch keep the
   * program running. It ends with `unwatchFd`, with the environment, and with the handle: a callback
   * that refers to the handle keeps both.
   */
  watchFd(
    fd: number,
    priority: boolean,
    keepAlive: boolean,
    callback: () => void,
  ): Outcome<WatchHandle>;
  /** From here on nothing calls back; may be called again. */
  unwatchFd(watch: WatchHandle): void;
}
