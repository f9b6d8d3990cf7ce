// Compiled, never run: the types of bind mounts and their like, and of the raw mount calls. A wrong one
// fails the build.
import type {
  Atime,
  BindMountOptions,
  bindMount,
  bindMountSync,
  MadeMount,
  MountAttr,
  MountAttributes,
  MountInterface,
  MoveMountOptions,
  mountTmpfs,
  mountTmpfsSync,
  moveMount,
  moveMountSync,
  PathLike,
  Propagation,
  RemountOptions,
  remount,
  remountSync,
  SetPropagationOptions,
  Syscalls,
  setPropagation,
  setPropagationSync,
  TmpfsOptions,
} from 'overlayfs';
import type {
  Equal,
  Expect,
  Keys,
  MutableKeys,
  OptionalKeys,
  Refuses,
} from './helpers/type-checks.ts';

/** Bind mounts, tmpfs, moving, remounting, propagation. */
export type MountCalls = [
  Expect<Equal<Atime, 'relatime' | 'noatime' | 'strictatime'>>,
  Expect<Equal<Propagation, 'private' | 'shared' | 'slave' | 'unbindable'>>,
  Expect<Equal<MountInterface, 'fsopen' | 'mount'>>,
  Expect<
    Equal<
      MountAttributes,
      {
        readonly readOnly?: boolean;
        readonly nosuid?: boolean;
        readonly nodev?: boolean;
        readonly noexec?: boolean;
        readonly nosymfollow?: boolean;
        readonly atime?: Atime;
        readonly nodiratime?: boolean;
      }
    >
  >,
  Expect<
    Equal<
      Exclude<Keys<BindMountOptions>, keyof MountAttributes>,
      'recursive' | 'propagation' | 'interface'
    >
  >,
  Expect<
    Equal<
      Exclude<Keys<TmpfsOptions>, keyof MountAttributes>,
      'size' | 'inodes' | 'mode' | 'uid' | 'gid' | 'propagation' | 'interface'
    >
  >,
  Expect<Equal<Keys<RemountOptions>, keyof MountAttributes | 'interface'>>,
  Expect<Equal<Keys<MoveMountOptions>, 'beneath' | 'interface'>>,
  Expect<Equal<Keys<SetPropagationOptions>, 'recursive' | 'interface'>>,
  Expect<Equal<OptionalKeys<BindMountOptions>, keyof BindMountOptions>>,
  Expect<Equal<OptionalKeys<TmpfsOptions>, keyof TmpfsOptions>>,
  Expect<Equal<MutableKeys<BindMountOptions | TmpfsOptions>, never>>,
  Expect<Refuses<RemountOptions, { recursive: true }>>,
  Expect<Refuses<BindMountOptions, { readOnly: undefined }>>,
  Expect<
    Equal<
      MadeMount,
      { readonly path: string; readonly pathBytes: Buffer; readonly mountId: bigint }
    >
  >,
  Expect<Equal<ReturnType<typeof bindMount | typeof mountTmpfs>, Promise<MadeMount>>>,
  Expect<Equal<ReturnType<typeof bindMountSync | typeof mountTmpfsSync>, MadeMount>>,
  Expect<
    Equal<ReturnType<typeof moveMount | typeof remount | typeof setPropagation>, Promise<void>>
  >,
  Expect<
    Equal<ReturnType<typeof moveMountSync | typeof remountSync | typeof setPropagationSync>, void>
  >,
  Expect<Equal<Parameters<typeof bindMount>, Parameters<typeof bindMountSync>>>,
  Expect<Equal<typeof mountTmpfsSync, (target: PathLike, options?: TmpfsOptions) => MadeMount>>,
  Expect<Refuses<Parameters<typeof remount>, [string]>>,
  Expect<Refuses<Parameters<typeof setPropagation>, [string, 'rshared']>>,
];

/** The raw mount calls: one description, two forms. */
export type RawMountCalls = [
  Expect<
    Equal<Syscalls['fsopenSync'], (filesystemType: string | Buffer, flags?: number) => number>
  >,
  Expect<
    Equal<Syscalls['fsopen'], (filesystemType: string | Buffer, flags?: number) => Promise<number>>
  >,
  Expect<Equal<ReturnType<Syscalls['fsconfigCreate']>, Promise<void>>>,
  Expect<Equal<ReturnType<Syscalls['readFsLogSync']>, string[]>>,
  Expect<
    Equal<Syscalls['openTree'], (dirfd: number, path: PathLike, flags?: number) => Promise<number>>
  >,
  Expect<Refuses<Parameters<Syscalls['fsconfigSetBinary']>, [number, string, string]>>,
  Expect<Refuses<Parameters<Syscalls['mountSetattr']>, [number, string, number]>>,
  Expect<
    Equal<
      MountAttr,
      {
        readonly attrSet?: number;
        readonly attrClr?: number;
        readonly propagation?: number;
        readonly usernsFd?: number;
      }
    >
  >,
  Expect<Equal<Syscalls['MOUNT_ATTR_NOSYMFOLLOW'], 0x20_0000>>,
  Expect<Equal<Syscalls['MOVE_MOUNT_BENEATH'], 0x200>>,
  Expect<Equal<Syscalls['AT_FDCWD'], -100>>,
  Expect<Equal<MutableKeys<Pick<Syscalls, 'fsopen' | 'fsopenSync' | 'AT_FDCWD'>>, never>>,
];
