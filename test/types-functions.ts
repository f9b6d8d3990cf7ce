// Compiled, never run: the types of the public functions. A wrong one fails the build.
import type {
  AttachedOverlay,
  Changes,
  ChangesOptions,
  ChangesSource,
  CloseOptions,
  changes,
  FindHoldersOptions,
  findHolders,
  findHoldersSync,
  findMount,
  findMountSync,
  LayerEntries,
  listMounts,
  listMountsSync,
  listOverlays,
  listOverlaysSync,
  Mount,
  MountHolders,
  MountOptions,
  MountReference,
  MountStat,
  MountWatch,
  mountOverlay,
  mountOverlaySync,
  Overlay,
  OverlayMount,
  PathLike,
  refreshOverlay,
  refreshOverlaySync,
  ScanOptions,
  Syscalls,
  scanLayer,
  syscalls,
  UnmountOptions,
  UnmountSyncOptions,
  unmount,
  unmountSync,
  WatchMountsOptions,
  watchMounts,
} from 'overlayfs';
import type { Accepts, Equal, Expect, MutableKeys, Refuses } from './helpers/type-checks.ts';

type MountTo<Result> = (options: MountOptions & { target: string }) => Result;

/** The functions. */
export type Functions = [
  // A path is there where a target was named.
  Expect<Accepts<MountTo<Promise<AttachedOverlay>>, typeof mountOverlay>>,
  Expect<Accepts<(options: MountOptions) => Promise<Overlay>, typeof mountOverlay>>,
  Expect<Accepts<MountTo<AttachedOverlay>, typeof mountOverlaySync>>,
  Expect<Accepts<(options: MountOptions) => Overlay, typeof mountOverlaySync>>,
  Expect<Equal<typeof listOverlays, () => Promise<OverlayMount[]>>>,
  Expect<Equal<typeof listOverlaysSync, () => OverlayMount[]>>,
  Expect<Equal<typeof listMounts, () => Promise<Mount[]>>>,
  Expect<Equal<typeof listMountsSync, () => Mount[]>>,
  Expect<Equal<typeof findMount, (path: PathLike) => Promise<Mount | undefined>>>,
  Expect<Equal<typeof findMountSync, (path: PathLike) => Mount | undefined>>,
  Expect<Equal<typeof watchMounts, (options?: WatchMountsOptions) => MountWatch>>,
  Expect<Equal<ReturnType<Syscalls['statmountSync']>, MountStat>>,
  Expect<Equal<ReturnType<Syscalls['listmount']>, Promise<bigint[]>>>,
  Expect<Equal<Syscalls['STATMOUNT_OPT_ARRAY'], 0x400>>,
  Expect<Equal<Syscalls['LSMT_ROOT'], 0xffff_ffff_ffff_ffffn>>,
  Expect<
    Equal<
      typeof unmount,
      (target: PathLike | MountReference, options?: UnmountOptions) => Promise<void>
    >
  >,
  Expect<
    Equal<
      typeof unmountSync,
      (target: PathLike | MountReference, options?: UnmountSyncOptions) => void
    >
  >,
  Expect<
    Equal<
      typeof findHolders,
      (target: PathLike, options?: FindHoldersOptions) => Promise<MountHolders>
    >
  >,
  Expect<Equal<typeof findHoldersSync, (target: PathLike) => MountHolders>>,
  Expect<Equal<typeof refreshOverlay, (target: PathLike) => Promise<void>>>,
  Expect<Equal<typeof refreshOverlaySync, (target: PathLike) => void>>,
  Expect<Equal<typeof changes, (source: ChangesSource, options?: ChangesOptions) => Changes>>,
  Expect<Equal<typeof scanLayer, (directory: PathLike, options?: ScanOptions) => LayerEntries>>,
  Expect<Equal<Overlay['changes'], (options?: ChangesOptions) => Changes>>,
  Expect<Equal<Overlay['close'], (options?: CloseOptions) => Promise<void>>>,
  Expect<Equal<Overlay['closeSync'], (options?: CloseOptions) => void>>,
  Expect<Equal<typeof syscalls, Syscalls>>,
  Expect<Equal<ReturnType<Syscalls['mount'] | Syscalls['umount']>, Promise<void>>>,
  Expect<Equal<ReturnType<Syscalls['mountSync'] | Syscalls['umountSync']>, void>>,
  Expect<Accepts<Parameters<Syscalls['mount']>, [null, string, null]>>,
  Expect<Accepts<Parameters<Syscalls['mount']>, [URL, Buffer, string, number, Buffer]>>,
  Expect<Refuses<Parameters<Syscalls['mount']>, [string, null, string]>>,
  Expect<Refuses<Parameters<Syscalls['mount']>, [string, string]>>,
  Expect<Equal<Parameters<Syscalls['umount']>[0], PathLike>>,
  Expect<Equal<Required<Parameters<Syscalls['umount']>>[1], number>>,
  // Constants, not any number.
  Expect<Equal<Syscalls['MS_BIND'], 4096>>,
  Expect<Equal<Syscalls['MNT_DETACH'], 2>>,
  Expect<Equal<MutableKeys<Pick<Syscalls, 'mount' | 'umount' | 'MS_BIND' | 'MNT_DETACH'>>, never>>,
];
