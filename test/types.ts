// The public types, checked by the compiler: nothing here is run. A wrong one fails the build.
import type {
  AbortError,
  Aspect,
  Atime,
  AttachedOverlay,
  BindMountOptions,
  bindMount,
  bindMountSync,
  Change,
  ChangeCounts,
  ChangeKind,
  Changes,
  ChangesOptions,
  ChangesSource,
  CloseOptions,
  changes,
  Directories,
  DirectoryTotals,
  FileStat,
  FileType,
  FindHoldersOptions,
  findHolders,
  findHoldersSync,
  findMount,
  findMountSync,
  Hold,
  HoldKind,
  IdMap,
  Layer,
  LayerEntries,
  LayerEntry,
  Layers,
  listMounts,
  listMountsSync,
  listOverlays,
  listOverlaysSync,
  MadeMount,
  Mark,
  Mount,
  MountAttr,
  MountAttributes,
  MountChange,
  MountCopy,
  MountHolder,
  MountHolders,
  MountInterface,
  MountOptions,
  MountPropagation,
  MountReference,
  MountStat,
  MountWatch,
  MoveMountOptions,
  mountOverlay,
  mountOverlaySync,
  mountTmpfs,
  mountTmpfsSync,
  moveMount,
  moveMountSync,
  Overlay,
  OverlayError,
  OverlayMount,
  PatchOptions,
  PatchPart,
  PathLike,
  Propagation,
  RemountOptions,
  RuleFailure,
  RuleOffender,
  Rules,
  refreshOverlay,
  refreshOverlaySync,
  remount,
  remountSync,
  ScanOptions,
  SetPropagationOptions,
  Submount,
  SummarizeOptions,
  Syscalls,
  scanLayer,
  setPropagation,
  setPropagationSync,
  syscalls,
  TmpfsOptions,
  UnmountOptions,
  UnmountRetry,
  UnmountSyncOptions,
  unmount,
  unmountSync,
  WatchMountsOptions,
  watchMounts,
} from 'overlayfs';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Accepts<Wanted, Given> = Given extends Wanted ? true : false;
type Refuses<Wanted, Given> = Given extends Wanted ? false : true;
type Expect<T extends true> = T;
type Keys<T> = keyof Required<T>;
type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];
/** `extends` does not look at `readonly`. */
type MutableKeys<T> = {
  [K in keyof T]-?: Equal<Pick<T, K>, Readonly<Pick<T, K>>> extends true ? never : K;
}[keyof T];

type Paths = PathLike | readonly PathLike[];
type Xattrs = 'trusted' | 'user';

/** What goes in. */
export type Arguments = [
  Expect<Equal<PathLike, string | Buffer | URL>>,
  Expect<Refuses<PathLike, Uint8Array>>,
  Expect<Refuses<PathLike, number>>,
  Expect<Equal<Exclude<Keys<MountOptions>, OptionalKeys<MountOptions>>, 'lower'>>,
  Expect<Equal<MutableKeys<MountOptions>, never>>,
  Expect<Equal<MountOptions['lower'], Layer | readonly Layer[]>>,
  Expect<Accepts<Layer, Overlay | { fd: number } | { path: string; idmap: IdMap }>>,
  Expect<Refuses<Layer, { path: string; fd: number }>>,
  Expect<Accepts<MountOptions, { lower: string; target: URL }>>,
  Expect<Accepts<MountOptions, { lower: readonly (string | Buffer)[]; target: Buffer }>>,
  Expect<Accepts<MountOptions, { lower: string }>>,
  Expect<Accepts<MountOptions, { lower: string; upper: 'tmpfs' }>>,
  Expect<Accepts<MountOptions, { lower: string; upper: { type: 'tmpfs'; size: number } }>>,
  Expect<Refuses<MountOptions, { lower: string; redirectDir: 'off' }>>,
  Expect<Refuses<MountOptions, { target: string }>>,
  // A missing option is left out, not undefined.
  Expect<Refuses<MountOptions, { lower: string; target: string; upper: undefined }>>,
  Expect<Refuses<MountOptions, { lower: string; target: string; userxattr: 'yes' }>>,
  Expect<Equal<CloseOptions, { readonly lazy?: boolean; readonly sync?: boolean }>>,
  Expect<Equal<Keys<UnmountSyncOptions>, 'lazy' | 'force' | 'any' | 'recursive' | 'all' | 'retry'>>,
  Expect<Equal<OptionalKeys<UnmountOptions>, Keys<UnmountSyncOptions> | 'signal'>>,
  Expect<Equal<UnmountRetry, { readonly times: number; readonly delay?: number }>>,
  Expect<Refuses<UnmountOptions, { retry: number }>>,
  Expect<Equal<MountReference, { readonly mountId: bigint }>>,
  Expect<Equal<FindHoldersOptions, { readonly signal?: AbortSignal }>>,
  Expect<
    Equal<
      Layers,
      {
        readonly upper: PathLike;
        readonly lower: Paths;
        readonly dataLower?: Paths;
        readonly work?: PathLike;
        readonly xattrs?: Xattrs;
      }
    >
  >,
  Expect<Equal<Directories, { readonly before: PathLike; readonly after: PathLike }>>,
  Expect<Accepts<ChangesSource, Directories>>,
  Expect<Refuses<ChangesSource, { before: string }>>,
  Expect<Accepts<ChangesSource, Overlay>>,
  Expect<Accepts<ChangesSource, PathLike>>,
  Expect<Accepts<ChangesSource, Layers>>,
  Expect<Refuses<ChangesSource, { upper: string }>>,
  Expect<Refuses<ChangesSource, OverlayMount>>,
  Expect<Refuses<ChangesSource, undefined>>,
  Expect<
    Equal<
      Keys<ChangesOptions>,
      | 'content'
      | 'expand'
      | 'ignore'
      | 'include'
      | 'exclude'
      | 'ignorePatterns'
      | 'stat'
      | 'onUnreadable'
      | 'encoding'
      | 'threads'
      | 'signal'
    >
  >,
  Expect<Equal<Required<ChangesOptions>['threads'], number>>,
  Expect<Refuses<ChangesOptions, { threads: 'all' }>>,
  Expect<
    Equal<
      ChangeCounts,
      { readonly added: number; readonly modified: number; readonly deleted: number }
    >
  >,
  Expect<Equal<ReturnType<Changes['count']>, Promise<ChangeCounts>>>,
  Expect<Equal<ReturnType<Changes['batches']>, AsyncIterableIterator<readonly Change[]>>>,
  Expect<Equal<ReturnType<LayerEntries['batches']>, AsyncIterableIterator<readonly LayerEntry[]>>>,
  Expect<Equal<OptionalKeys<ChangesOptions>, keyof ChangesOptions>>,
  Expect<Equal<Required<ChangesOptions>['content'], 'auto' | 'always' | 'never'>>,
  Expect<Equal<Required<ChangesOptions>['ignore'], readonly Aspect[]>>,
  Expect<Refuses<ChangesOptions, { ignore: ['size'] }>>,
  Expect<Equal<Required<ChangesOptions>['signal'], AbortSignal>>,
  Expect<
    Equal<
      ScanOptions,
      {
        readonly xattrs?: Xattrs;
        readonly encoding?: 'utf8' | 'buffer';
        readonly signal?: AbortSignal;
      }
    >
  >,
  Expect<Equal<MutableKeys<MountOptions>, never>>,
  Expect<Equal<MutableKeys<ChangesOptions>, never>>,
];

/** What comes out. */
export type Results = [
  Expect<Equal<ChangeKind, 'added' | 'modified' | 'deleted'>>,
  Expect<
    Equal<
      FileType,
      'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character-device' | 'block-device'
    >
  >,
  Expect<
    Equal<
      Aspect,
      'type' | 'content' | 'mode' | 'owner' | 'xattrs' | 'times' | 'device' | 'target' | 'links'
    >
  >,
  Expect<
    Equal<
      Change,
      {
        readonly kind: ChangeKind;
        readonly path: string;
        readonly pathBytes?: Buffer;
        readonly type: FileType;
        readonly previousType?: FileType;
        readonly aspects: readonly Aspect[];
        readonly content?: 'unknown';
        readonly unknown?: true;
        readonly renamedFrom?: string;
        readonly renamedFromBytes?: Buffer;
        readonly before?: FileStat;
        readonly after?: FileStat;
      }
    >
  >,
  Expect<Equal<OptionalKeys<FileStat>, 'device' | 'target' | 'targetBytes'>>,
  Expect<Equal<FileStat['ino' | 'dev' | 'mtimeNs'], bigint>>,
  Expect<Equal<FileStat['mode' | 'uid' | 'gid' | 'nlink' | 'size'], number>>,
  Expect<Equal<MutableKeys<FileStat>, never>>,
  Expect<
    Equal<
      Keys<DirectoryTotals>,
      | 'path'
      | 'pathBytes'
      | 'added'
      | 'modified'
      | 'deleted'
      | 'addedBytes'
      | 'freedBytes'
      | 'changedBytes'
    >
  >,
  Expect<Equal<Keys<SummarizeOptions>, Exclude<keyof ChangesOptions, 'stat' | 'expand'> | 'depth'>>,
  Expect<Equal<Keys<PatchOptions>, Exclude<keyof ChangesOptions, 'stat' | 'expand'> | 'maxSize'>>,
  Expect<Equal<PatchPart['form'], 'text' | 'binary' | 'large' | 'note'>>,
  Expect<Equal<PatchPart['text'], Buffer>>,
  Expect<Equal<Keys<Rules>, 'failOn' | 'maxAdded' | 'only'>>,
  Expect<Equal<OptionalKeys<Rules>, keyof Rules>>,
  Expect<Equal<RuleFailure['rule'], keyof Rules>>,
  Expect<Equal<RuleFailure['offenders'], readonly RuleOffender[]>>,
  Expect<Equal<MutableKeys<RuleFailure>, never>>,
  Expect<Equal<Mark, { readonly name: string; readonly value: Buffer }>>,
  Expect<
    Equal<
      OptionalKeys<LayerEntry>,
      | 'pathBytes'
      | 'device'
      | 'target'
      | 'targetBytes'
      | 'whiteout'
      | 'opaque'
      | 'redirect'
      | 'metacopy'
      | 'origin'
    >
  >,
  Expect<Equal<LayerEntry['ino' | 'dev' | 'mtimeNs'], bigint>>,
  Expect<Equal<LayerEntry['mode' | 'uid' | 'gid' | 'nlink' | 'size'], number>>,
  Expect<Equal<Required<LayerEntry>['whiteout'], 'device' | 'xattr'>>,
  Expect<Equal<Required<LayerEntry>['opaque'], 'y' | 'x'>>,
  Expect<Equal<Required<LayerEntry>['metacopy' | 'origin'], true>>,
  Expect<Equal<LayerEntry['marks'], readonly Mark[]>>,
  Expect<Equal<MutableKeys<LayerEntry>, never>>,
  Expect<Equal<MutableKeys<OverlayMount>, never>>,
  Expect<Equal<OverlayMount['upper' | 'work'], string | undefined>>,
  Expect<Equal<OverlayMount['lowerBytes' | 'dataLowerBytes'], readonly Buffer[]>>,
  Expect<Equal<OverlayMount['upperBytes' | 'workBytes'], Buffer | undefined>>,
  Expect<Equal<OverlayMount['deletedLayers' | 'options'], readonly string[]>>,
  Expect<Accepts<Mount, OverlayMount>>,
  Expect<Equal<MutableKeys<Mount>, never>>,
  Expect<Equal<Mount['mountId' | 'parentId'], number>>,
  Expect<Equal<Mount['uniqueId'], bigint | undefined>>,
  Expect<Equal<Mount['device'], { readonly major: number; readonly minor: number }>>,
  Expect<Equal<Mount['targetBytes' | 'rootBytes' | 'sourceBytes'], Buffer>>,
  Expect<Equal<Mount['mountOptions' | 'superOptions'], readonly string[]>>,
  Expect<Equal<Mount['superOptionsBytes'], readonly Buffer[]>>,
  Expect<Equal<MutableKeys<MountPropagation>, never>>,
  Expect<Equal<MountPropagation['peerGroup' | 'master' | 'propagateFrom'], number | undefined>>,
  Expect<Equal<MountChange['added' | 'removed' | 'changed'], readonly Mount[]>>,
  Expect<Equal<MutableKeys<MountChange>, never>>,
  Expect<Equal<MutableKeys<MountStat>, never>>,
  Expect<Equal<OptionalKeys<MountStat>, Exclude<keyof MountStat, 'mask'>>>,
  Expect<Accepts<AsyncIterableIterator<MountChange>, MountWatch>>,
  Expect<Accepts<AsyncDisposable, MountWatch>>,
  Expect<Accepts<AsyncIterableIterator<Change>, Changes>>,
  Expect<Accepts<AsyncDisposable, Changes>>,
  Expect<Accepts<AsyncIterableIterator<LayerEntry>, LayerEntries>>,
  Expect<Accepts<AsyncDisposable, LayerEntries>>,
  Expect<Accepts<Disposable & AsyncDisposable, Overlay>>,
  Expect<Equal<Overlay['path'], string | undefined>>,
  Expect<Equal<AttachedOverlay['path'], string>>,
  Expect<Equal<Overlay['upper' | 'work'], string | undefined>>,
  Expect<Equal<Overlay['lowerBytes'], readonly Buffer[]>>,
  Expect<Equal<Overlay['upperBytes' | 'workBytes'], Buffer | undefined>>,
  Expect<Equal<Overlay['mountId'], bigint>>,
  Expect<Equal<Overlay['closed'], boolean>>,
  Expect<Equal<Overlay['warnings' | 'lower'], readonly string[]>>,
  Expect<Equal<MutableKeys<Pick<Overlay, 'path' | 'lower' | 'upper' | 'work' | 'mountId'>>, never>>,
  Expect<Accepts<Error, OverlayError>>,
  Expect<Accepts<Error, AbortError>>,
  Expect<Equal<OverlayError['name'], 'OverlayError'>>,
  Expect<Equal<OverlayError['code'], string>>,
  Expect<Equal<OverlayError['errno'], number | undefined>>,
  Expect<Equal<OverlayError['syscall' | 'path' | 'dest' | 'hint'], string | undefined>>,
  Expect<Equal<OverlayError['holders'], readonly MountHolder[] | undefined>>,
  Expect<Equal<OverlayError['unmounted'], readonly string[]>>,
  Expect<Equal<MutableKeys<MountHolders | MountHolder | Hold | MountCopy | Submount>, never>>,
  Expect<Equal<HoldKind, 'cwd' | 'root' | 'exe' | 'fd' | 'mapping'>>,
  Expect<Equal<AbortError['code'], 'ABORT_ERR'>>,
];

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
