// Compiled, never run: the public types of what comes out. A wrong one fails the build.
import type {
  AbortError,
  Aspect,
  AttachedOverlay,
  Change,
  ChangeKind,
  Changes,
  ChangesOptions,
  DirectoryTotals,
  FileStat,
  FileType,
  Hold,
  HoldKind,
  LayerEntries,
  LayerEntry,
  Mark,
  Mount,
  MountChange,
  MountCopy,
  MountHolder,
  MountHolders,
  MountPropagation,
  MountStat,
  MountWatch,
  Overlay,
  OverlayError,
  OverlayMount,
  PatchOptions,
  PatchPart,
  RuleFailure,
  RuleOffender,
  Rules,
  Submount,
  SummarizeOptions,
} from 'overlayfs';
import type {
  Accepts,
  Equal,
  Expect,
  Keys,
  MutableKeys,
  OptionalKeys,
} from './helpers/type-checks.ts';

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
