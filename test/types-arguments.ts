// Compiled, never run: the public types of what goes in. A wrong one fails the build.
import type {
  Aspect,
  Change,
  ChangeCounts,
  Changes,
  ChangesOptions,
  ChangesSource,
  CloseOptions,
  Directories,
  FindHoldersOptions,
  IdMap,
  Layer,
  LayerEntries,
  LayerEntry,
  Layers,
  MountOptions,
  MountReference,
  Overlay,
  OverlayMount,
  PathLike,
  ScanOptions,
  UnmountOptions,
  UnmountRetry,
  UnmountSyncOptions,
} from 'overlayfs';
import type {
  Accepts,
  Equal,
  Expect,
  Keys,
  MutableKeys,
  OptionalKeys,
  Refuses,
} from './helpers/type-checks.ts';

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
