/** The addon makes, moves and changes mounts of other kinds. */
import type { EitherWay } from './native-outcome.ts';
import type { NativeAttributeChange } from './native-syscalls.ts';

/** Of the kernel: 0 fsopen(2) where it is there, else mount(2); 1 fsopen(2); 2 mount(2). */
export type NativeInterface = 0 | 1 | 2;

export interface NativeTmpfs {
  readonly size: number | null;
  readonly inodes: number | null;
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
}

export interface NativeMade {
  readonly path: Buffer;
  readonly mountId: bigint;
}

export interface NativeMountCalls {
  bindMount: EitherWay<
    [
      source: Buffer,
      target: Buffer,
      recursive: boolean,
      change: NativeAttributeChange,
      how: NativeInterface,
    ],
    NativeMade
  >;
  mountTmpfs: EitherWay<
    [target: Buffer, tmpfs: NativeTmpfs, change: NativeAttributeChange, how: NativeInterface],
    NativeMade
  >;
  moveMountPoint: EitherWay<
    [source: Buffer, target: Buffer, beneath: boolean, how: NativeInterface],
    undefined
  >;
  changeMount: EitherWay<
    [target: Buffer, recursive: boolean, change: NativeAttributeChange, how: NativeInterface],
    undefined
  >;
}
