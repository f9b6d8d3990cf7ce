/** The addon makes single system calls about mounts, under their own names. */
import type { EitherWay } from './native-outcome.ts';

/** Numbers of mount_setattr(2). */
export interface NativeAttributeChange {
  readonly set: number;
  readonly clear: number;
  /** MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE; 0: as it is. */
  readonly propagation: number;
  readonly usernsFd: number;
}

export interface NativeSyscalls {
  mount: EitherWay<
    [
      source: Buffer | null,
      target: Buffer,
      fstype: Buffer | null,
      flags: number,
      data: Buffer | null,
    ],
    undefined
  >;
  umount: EitherWay<[target: Buffer, flags: number], undefined>;
  fsopen: EitherWay<[fstype: Buffer, flags: number], number>;
  fsconfigSetFlag: EitherWay<[fs: number, key: Buffer], undefined>;
  fsconfigSetString: EitherWay<[fs: number, key: Buffer, value: Buffer], undefined>;
  fsconfigSetBinary: EitherWay<[fs: number, key: Buffer, value: Buffer], undefined>;
  fsconfigSetPath: EitherWay<[fs: number, key: Buffer, path: Buffer, dir: number], undefined>;
  fsconfigSetPathEmpty: EitherWay<[fs: number, key: Buffer, path: Buffer, dir: number], undefined>;
  fsconfigSetFd: EitherWay<[fs: number, key: Buffer, fd: number], undefined>;
  fsconfigCreate: EitherWay<[fs: number], undefined>;
  fsconfigCreateExcl: EitherWay<[fs: number], undefined>;
  fsconfigReconfigure: EitherWay<[fs: number], undefined>;
  fsmount: EitherWay<[fs: number, flags: number, attributes: number], number>;
  fspick: EitherWay<[dir: number, path: Buffer, flags: number], number>;
  openTree: EitherWay<[dir: number, path: Buffer, flags: number], number>;
  openTreeAttr: EitherWay<
    [dir: number, path: Buffer, flags: number, change: NativeAttributeChange],
    number
  >;
  moveMount: EitherWay<
    [fromDir: number, from: Buffer, toDir: number, to: Buffer, flags: number],
    undefined
  >;
  mountSetattr: EitherWay<
    [dir: number, path: Buffer, flags: number, change: NativeAttributeChange],
    undefined
  >;
  readFsLog: EitherWay<[fs: number], readonly Buffer[]>;
}
