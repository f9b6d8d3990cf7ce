/** The addon carries changes out on a directory. */
import type { LayersHandle } from './native-mounts.ts';
import type { Handle, Outcome } from './native-outcome.ts';

export type ApplyHandle = Handle<'apply'>;

export interface NativeApplyOptions {
  readonly include: readonly Buffer[];
  /** Instead of `include`. */
  readonly paths: readonly Buffer[] | null;
  readonly exclude: readonly Buffer[];
  /** 0 skip, 1 theirs, 2 ours. */
  readonly conflicts: number;
  /** Seconds and nanoseconds. */
  readonly since: readonly [number, number] | null;
  readonly dryRun: boolean;
  readonly keepGoing: boolean;
  readonly sync: boolean;
  /** Of what is asked for, besides the layers. */
  readonly fingerprint: number;
}

export interface NativeApplyBatch {
  readonly bytes: Buffer;
  readonly more: boolean;
  /** 0 prepare, 1 commit, 2 undo, 3 discard, 4 end. */
  readonly phase: number;
  /** Changes. */
  readonly prepared: number;
  readonly done: number;
  /** Bytes. */
  readonly copied: number;
  /** Something cannot be done, so nothing was. */
  readonly refused: boolean;
  readonly rolledBack: boolean;
}

export interface NativePendingApply {
  /** 0 preparing, 1 ready, 2 done, 3 undone. */
  readonly state: number;
  readonly stage: Buffer;
  readonly changes: number;
  readonly seconds: number;
  /** -1 where an older version has not written them. */
  readonly nanoseconds: number;
  readonly source: Buffer;
}

export interface NativeApply {
  openApply(
    layers: LayersHandle,
    to: Buffer | null,
    mounted: boolean,
    options: NativeApplyOptions,
  ): Promise<Outcome<ApplyHandle>>;
  openPendingApply(
    destination: Buffer,
    undo: boolean,
    sync: boolean,
  ): Promise<Outcome<ApplyHandle>>;
  findPendingApply(destination: Buffer): Promise<Outcome<NativePendingApply | null>>;
  nextApply(apply: ApplyHandle): Promise<Outcome<NativeApplyBatch>>;
  /** From the next step on everything is undone. */
  rollBackApply(apply: ApplyHandle): void;
  closeApply(apply: ApplyHandle): Promise<Outcome<undefined>>;
}
