// The public types, checked by the compiler: nothing here is run. A wrong one fails the build.
import type {
  AbortError,
  Aspect,
  Change,
  ChangeKind,
  Changes,
  ChangesOptions,
  ChangesSource,
  CloseOptions,
  changes,
  DiagnoseOptions,
  Directories,
  FileType,
  LayerEntries,
  LayerEntry,
  Layers,
  listOverlays,
  listOverlaysSync,
  Mark,
  MountOptions,
  mountOverlay,
  mountOverlaySync,
  Overlay,
  OverlayError,
  OverlayMount,
  PathLike,
  ScanOptions,
  Syscalls,
  scanLayer,
  syscalls,
  UnmountOptions,
  unmount,
  unmountSync,
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
  Expect<Equal<Exclude<Keys<MountOptions>, OptionalKeys<MountOptions>>, 'lower' | 'target'>>,
  Expect<Equal<OptionalKeys<DiagnoseOptions>, Exclude<Keys<DiagnoseOptions>, 'lower'>>>,
  Expect<Equal<MountOptions['lower'], Paths>>,
  Expect<Accepts<MountOptions, { lower: string; target: URL }>>,
  Expect<Accepts<MountOptions, { lower: readonly (string | Buffer)[]; target: Buffer }>>,
  Expect<Refuses<MountOptions, { lower: string }>>,
  Expect<Refuses<MountOptions, { target: string }>>,
  // A missing option is left out, not undefined.
  Expect<Refuses<MountOptions, { lower: string; target: string; upper: undefined }>>,
  Expect<Refuses<MountOptions, { lower: string; target: string; userxattr: 'yes' }>>,
  Expect<Equal<CloseOptions, { readonly lazy?: boolean }>>,
  Expect<
    Equal<
      UnmountOptions,
      { readonly lazy?: boolean; readonly force?: boolean; readonly any?: boolean }
    >
  >,
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
      | 'onUnreadable'
      | 'encoding'
      | 'signal'
    >
  >,
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
      }
    >
  >,
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
  Expect<Equal<OverlayMount['mountId' | 'parentId'], number>>,
  Expect<Accepts<AsyncIterableIterator<Change>, Changes>>,
  Expect<Accepts<AsyncDisposable, Changes>>,
  Expect<Accepts<AsyncIterableIterator<LayerEntry>, LayerEntries>>,
  Expect<Accepts<AsyncDisposable, LayerEntries>>,
  Expect<Accepts<Disposable & AsyncDisposable, Overlay>>,
  Expect<Equal<Overlay['path'], string>>,
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
  Expect<Equal<AbortError['code'], 'ABORT_ERR'>>,
];

/** The functions. */
export type Functions = [
  Expect<Equal<typeof mountOverlay, (options: MountOptions) => Promise<Overlay>>>,
  Expect<Equal<typeof mountOverlaySync, (options: MountOptions) => Overlay>>,
  Expect<Equal<typeof listOverlays, () => Promise<OverlayMount[]>>>,
  Expect<Equal<typeof listOverlaysSync, () => OverlayMount[]>>,
  Expect<Equal<typeof unmount, (target: PathLike, options?: UnmountOptions) => Promise<void>>>,
  Expect<Equal<typeof unmountSync, (target: PathLike, options?: UnmountOptions) => void>>,
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
