/** The addon runs programs in sandboxes, which end with everything that they have started. */
import type { Handle, Outcome } from './native-outcome.ts';
import type { NativeEnd, NativeProgramSpec } from './native-programs.ts';

export type SandboxedHandle = Handle<'sandboxed'>;

/** Descriptors have to be open during the call only. */
export interface NativeSandboxStart extends NativeProgramSpec {
  /** In this order. A descriptor, or a step of view-steps.ts. */
  readonly mounts: readonly { readonly mount: number; readonly at: Buffer }[];
  readonly userNamespace: number;
  /** False: one with nothing in it. */
  readonly network: boolean;
  /** Stay open until everything in the sandbox has ended. */
  readonly kept: readonly number[];
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly grace: number;
}

export interface NativeSandboxed {
  readonly program: SandboxedHandle;
  readonly pid: number;
  /** Belongs to `program`; readable when there is a report. */
  readonly reports: number;
  readonly pipes: readonly [number, number, number];
}

export interface NativeSandboxReport extends NativeEnd {
  /** 0 nothing, 1 the program has ended, 2 everything is gone. */
  readonly kind: number;
}

export interface NativeSandboxes {
  /** Blocks until the program has been executed. Without the handle everything in there ends. */
  startInSandbox(spec: NativeSandboxStart): Outcome<NativeSandboxed>;
  sandboxReport(program: SandboxedHandle): Outcome<NativeSandboxReport>;
  signalSandboxed(program: SandboxedHandle, signal: number): Outcome<undefined>;
  /** Ends the program and everything it has started. */
  endSandboxed(program: SandboxedHandle): Outcome<undefined>;
  /** Once it is gone. The handle is good for nothing afterwards. */
  releaseSandboxed(program: SandboxedHandle): Outcome<undefined>;
  /** The signals wait for `aimRelay`. */
  startRelay(signals: readonly number[]): Outcome<undefined>;
  /** The handle has to live until `stopRelay`. */
  aimRelay(program: SandboxedHandle): undefined;
  stopRelay(): undefined;
}
