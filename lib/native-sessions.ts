/** The addon locks, copies and removes the directories of sessions. */
import type { EitherWay, Handle, Outcome } from './native-outcome.ts';

export type UpperCopyHandle = Handle<'upper-copy'>;
export type LockHandle = Handle<'lock'>;

export interface NativeUpperCopied {
  readonly more: boolean;
  readonly entries: number;
  readonly bytes: number;
}

/** What is written down of it, and whether that is to be on the disk before it is seen. */
export type SessionText = readonly [text: Buffer, durable: boolean];

/** What a directory is known again by; empty where the filesystem has nothing that is certain to stay. */
export interface NativeDirectory {
  /** Of the filesystem, in hexadecimal (`f_type`). */
  readonly type: string;
  /** `f_fsid`, in hexadecimal. */
  readonly filesystem: string;
  readonly inode: string;
  /** Seconds and nanoseconds. */
  readonly born: string;
  /** The start of the system that all of it but the type belongs to. */
  readonly boot: string;
  /** Something has the name of what an interrupted apply leaves. */
  readonly pending: boolean;
}

export interface NativeSessions {
  /** A descriptor; -1 where somebody else has the lock. */
  lockDirectory(path: Buffer): Promise<Outcome<number>>;
  /** Of such a descriptor, which goes with it: at the latest when a worker that has it ends. */
  holdLock(fd: number): LockHandle;
  releaseLock(lock: LockHandle): Promise<Outcome<undefined>>;
  /** A process, or 0. */
  lockHolder(fd: number): number;
  /** Fails with `EBUSY` where they are mounted. */
  checkUpperFree(upper: Buffer, work: Buffer): Promise<Outcome<undefined>>;
  /** The lock as a descriptor; -1 where another name has to be tried. */
  draftSession(draft: Buffer, places: number): Promise<Outcome<number>>;
  nameSession(draft: Buffer, path: Buffer, ...record: SessionText): Promise<Outcome<undefined>>;
  /** Both; nothing is left of it after a failure. */
  makeSession(
    draft: Buffer,
    places: number,
    path: Buffer,
    ...record: SessionText
  ): Promise<Outcome<number>>;
  writeSessionText(path: Buffer, ...record: SessionText): Promise<Outcome<undefined>>;
  /**
   * Moves it to a name that no session has, and removes it there; where it cannot be moved the failure is of
   * `renameat2`. When all of it is gone so is the lock.
   */
  retireSession(path: Buffer, retired: Buffer, lock: LockHandle): Promise<Outcome<undefined>>;
  lookAtDirectory: EitherWay<[path: Buffer], NativeDirectory>;
  removeTree: EitherWay<[path: Buffer], undefined>;
  openUpperCopy(from: Buffer, to: Buffer): Promise<Outcome<UpperCopyHandle>>;
  nextUpperCopy(copy: UpperCopyHandle): Promise<Outcome<NativeUpperCopied>>;
  /** Once at the end; a running slice ends first. */
  closeUpperCopy(copy: UpperCopyHandle): Promise<Outcome<undefined>>;
}
