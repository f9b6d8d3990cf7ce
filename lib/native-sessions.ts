/** The addon locks, copies and removes the directories of sessions. */
import type { EitherWay, Handle, Outcome } from './native-outcome.ts';

export type UpperCopyHandle = Handle<'upper-copy'>;

export interface NativeUpperCopied {
  readonly more: boolean;
  readonly entries: number;
  readonly bytes: number;
}

export interface NativeSessions {
  /** flock(2); false where somebody else has it. */
  tryLock(fd: number): Outcome<boolean>;
  /** A process, or 0. */
  lockHolder(fd: number): number;
  /** Fails with `EBUSY` where they are mounted. */
  checkUpperFree: EitherWay<[upper: Buffer, work: Buffer], undefined>;
  removeTree: EitherWay<[path: Buffer], undefined>;
  openUpperCopy(from: Buffer, to: Buffer): Promise<Outcome<UpperCopyHandle>>;
  nextUpperCopy(copy: UpperCopyHandle): Promise<Outcome<NativeUpperCopied>>;
  /** Once at the end; a running slice ends first. */
  closeUpperCopy(copy: UpperCopyHandle): Promise<Outcome<undefined>>;
}
