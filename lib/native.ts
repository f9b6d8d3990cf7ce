/** The only file that knows the addon: its interface, and how it is found. */
import type { Failure } from './errors.ts';
import { errorFromFailure, OverlayError } from './errors.ts';
import type { HoldKind } from './holder.ts';
import { packageRoot, require } from './package.ts';

declare const handle: unique symbol;
/** An object of the core that JavaScript holds on to. */
export interface Handle<Kind extends string> {
  readonly [handle]: Kind;
}
export type LayersHandle = Handle<'layers'>;
export type MountHandle = Handle<'mount'>;
export type ChangesHandle = Handle<'changes'>;
export type ScanHandle = Handle<'scan'>;
export type WatchHandle = Handle<'watch'>;
export type HoldersHandle = Handle<'holders'>;
export type UnmountRestHandle = Handle<'unmount-rest'>;
export type ProgramHandle = Handle<'program'>;
export type ApplyHandle = Handle<'apply'>;
export type SandboxedHandle = Handle<'sandboxed'>;
export type PatternsHandle = Handle<'patterns'>;
export type UpperCopyHandle = Handle<'upper-copy'>;
export type SidesHandle = Handle<'sides'>;
export type NamespaceHandle = Handle<'namespace'>;

/** How every unit of work ends: the addon makes no errors, so that their stack is the caller's. */
export type Outcome<T> = { readonly value: T } | { readonly failure: Failure };

/** A function that works in the thread pool, or at once if its last argument is true. */
export interface EitherWay<Args extends readonly unknown[], T> {
  (...args: [...Args, sync: true]): Outcome<T>;
  (...args: [...Args, sync: false]): Promise<Outcome<T>>;
}

export interface NativeIdRange {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** One of `path`, `fd` and `mount` is there. */
export interface NativeLayer {
  readonly path: Buffer | null;
  readonly fd: number | null;
  readonly mount: MountHandle | null;
  readonly idmap: {
    readonly uids: readonly NativeIdRange[];
    readonly gids: readonly NativeIdRange[];
  } | null;
}

export interface NativeUpper {
  /** 0 none, 1 directory, 2 tmpfs, 3 temporary directory. */
  readonly kind: number;
  /** The directory; of 2 and 3 the one to make it in. */
  readonly path: Buffer | null;
  /** 0: the kernel's default, as `inodes`. */
  readonly size: number;
  readonly inodes: number;
  readonly init: boolean;
}

export interface NativeSpec {
  readonly lower: readonly NativeLayer[];
  readonly dataLower: readonly NativeLayer[];
  readonly upper: NativeUpper;
  readonly work: Buffer | null;
  readonly target: Buffer | null;
  /** An overlay of an ordinary user that shares its namespace, so that one program can see both. */
  readonly beside: MountHandle | null;
  /** Instead; where the user may not mount. */
  readonly userNamespace: NamespaceHandle | null;
  readonly beneath: boolean;
  readonly redirectDir: string | null;
  readonly index: string | null;
  readonly metacopy: string | null;
  readonly xino: string | null;
  readonly nfsExport: string | null;
  readonly uuid: string | null;
  readonly verity: string | null;
  readonly volatile: boolean;
  readonly userxattr: boolean | null;
  readonly defaultPermissions: boolean;
  readonly overrideCreds: boolean | null;
  readonly extraOptions: readonly Buffer[];
  /** MOUNT_ATTR_*. */
  readonly attributes: number;
  /** A flag of mount(2), or 0. */
  readonly propagation: number;
  /** 0 automatic, 1 fsopen(2), 2 mount(2). */
  readonly interface: number;
  readonly lowerdirText: boolean;
  readonly acceptUnclean: boolean;
}

/** Something to know about a success, in the words of a failure. */
export interface NativeNotice {
  readonly reason: string;
  readonly path: Buffer;
  readonly dest: Buffer;
  readonly detail: Buffer;
}

export interface NativeFinding {
  /** False: a warning. */
  readonly error: boolean;
  /** Positive; 0 where nothing fails. */
  readonly errno: number;
  readonly reason: string;
  readonly path: Buffer | null;
  readonly dest: Buffer | null;
  readonly detail: Buffer;
}

/** Null: nobody can say. */
export interface NativeProbe {
  readonly sysAdmin: boolean;
  readonly userNamespace: boolean;
  readonly ownsMountNamespace: boolean;
  readonly openByHandle: boolean;
  readonly registered: boolean;
  readonly fsopen: boolean | null;
  readonly layerDescriptors: boolean | null;
  readonly options: Readonly<Record<string, boolean | null>>;
  readonly statmount: boolean | null;
  readonly listmount: boolean | null;
  readonly openTreeAttr: boolean | null;
  readonly mountBeneath: boolean | null;
  readonly mounting: Failure | null;
  readonly rootless: Failure | null;
}

export type NativeMounted = readonly [
  /** Null: detached. */
  target: Buffer | null,
  upper: Buffer | null,
  work: Buffer | null,
  writable: boolean,
  mountId: bigint,
  userxattr: boolean,
  rootless: boolean,
  /** 1 fsopen(2), 2 mount(2). */
  madeBy: number,
  warnings: readonly NativeNotice[],
  mount: MountHandle,
  layers: LayersHandle,
];

export interface NativeOverlay {
  /** As `listMounts` packs it. */
  readonly entry: Buffer;
  readonly lower: readonly Buffer[];
  readonly dataLower: readonly Buffer[];
  readonly upper: Buffer | null;
  readonly work: Buffer | null;
  readonly userxattr: boolean;
  readonly options: readonly Buffer[];
  readonly deletedLayers: readonly Buffer[];
}

/** What the table of mounts is read from; the library says 'auto', tests compare the others. */
export const tableSources = { auto: 0, statmount: 1, mountinfo: 2 } as const;
export type TableSource = (typeof tableSources)[keyof typeof tableSources];

/** The fields of struct statmount that its `mask` has. */
export interface NativeMountStat {
  readonly mask: number;
  readonly sbDevMajor?: number;
  readonly sbDevMinor?: number;
  readonly sbMagic?: bigint;
  readonly sbFlags?: number;
  readonly mntId?: bigint;
  readonly mntParentId?: bigint;
  readonly mntIdOld?: number;
  readonly mntParentIdOld?: number;
  readonly mntAttr?: bigint;
  readonly mntPropagation?: bigint;
  readonly mntPeerGroup?: bigint;
  readonly mntMaster?: bigint;
  readonly propagateFrom?: bigint;
  readonly mntRoot?: Buffer;
  readonly mntPoint?: Buffer;
  readonly fsType?: Buffer;
  readonly mntNsId?: bigint;
  readonly mntOpts?: Buffer;
  readonly fsSubtype?: Buffer;
  readonly sbSource?: Buffer;
  readonly optArray?: readonly Buffer[];
  readonly optSecArray?: readonly Buffer[];
  readonly supportedMask?: bigint;
  readonly mntUidmap?: readonly Buffer[];
  readonly mntGidmap?: readonly Buffer[];
}

export interface NativeUnmountScope {
  readonly any: boolean;
  readonly recursive: boolean;
  readonly all: boolean;
}

export interface NativeUnmounted {
  /** Unmounted, in this order. */
  readonly places: readonly Buffer[];
  readonly failure: Failure | null;
  /** What is left to be unmounted. */
  readonly rest: UnmountRestHandle;
}

export interface NativeHolders {
  readonly holders: readonly {
    readonly pid: number;
    readonly command: Buffer;
    readonly args: readonly Buffer[];
    readonly holds: readonly {
      readonly kind: HoldKind;
      /** -1 if it is no descriptor. */
      readonly fd: number;
      readonly path: Buffer;
    }[];
    readonly omitted: number;
    readonly copy: boolean;
  }[];
  readonly submounts: readonly {
    readonly mountId: number;
    readonly fstype: Buffer;
    readonly target: Buffer;
  }[];
  readonly copies: readonly {
    readonly namespace: bigint;
    readonly pid: number;
    readonly command: Buffer;
    readonly target: Buffer;
  }[];
  readonly unreadable: number;
}

export interface NativeLayers {
  readonly upper: Buffer;
  readonly lower: readonly Buffer[];
  readonly dataLower: readonly Buffer[];
  readonly work: Buffer | null;
  /** Of their namespace: 0 undecided, 1 trusted, 2 user. */
  readonly marks: number;
}

export interface NativeChangesOptions {
  /** 0 auto, 1 always, 2 never. */
  readonly content: number;
  /** A bit for every aspect. */
  readonly ignore: number;
  readonly expand: boolean;
  readonly include: readonly Buffer[];
  readonly exclude: readonly Buffer[];
  /** Go on where the marks cannot be read. */
  readonly unknown: boolean;
  /** At most; 0: as many as the processors. */
  readonly threads: number;
}

export interface NativeCounts {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  /** False when the walk has ended. */
  readonly more: boolean;
}

export interface NativeSides {
  readonly bytes: Buffer;
  /** How many bytes of the paths were read. */
  readonly read: number;
}

export interface NativeApplyOptions {
  readonly include: readonly Buffer[];
  /** Instead of `include`. */
  readonly paths: readonly Buffer[] | null;
  readonly exclude: readonly Buffer[];
  /** 0 skip, 1 theirs, 2 ours. */
  readonly conflicts: number;
  /** Seconds and nanoseconds. */
  readonly since: readonly [number, number] | null;
  readonly dryRun: boolean;
  readonly keepGoing: boolean;
  readonly sync: boolean;
  /** Of what is asked for, besides the layers. */
  readonly fingerprint: number;
}

export interface NativeUpperCopied {
  readonly more: boolean;
  readonly entries: number;
  readonly bytes: number;
}

export interface NativeApplyBatch {
  readonly bytes: Buffer;
  readonly more: boolean;
  /** 0 prepare, 1 commit, 2 undo, 3 discard, 4 end. */
  readonly phase: number;
  /** Changes. */
  readonly prepared: number;
  readonly done: number;
  /** Bytes. */
  readonly copied: number;
  /** Something cannot be done, so nothing was. */
  readonly refused: boolean;
  readonly rolledBack: boolean;
}

export interface NativePendingApply {
  /** 0 preparing, 1 ready, 2 done, 3 undone. */
  readonly state: number;
  readonly stage: Buffer;
  readonly changes: number;
  readonly seconds: number;
  readonly source: Buffer;
}

export interface NativeBatch {
  readonly bytes: Buffer;
  /** False when the walk has ended. */
  readonly more: boolean;
}

/** Numbers of mount_setattr(2). */
export interface NativeAttributeChange {
  readonly set: number;
  readonly clear: number;
  /** MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE; 0: as it is. */
  readonly propagation: number;
  readonly usernsFd: number;
}

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

/** Of the kernel: 0 fsopen(2) where it is there, else mount(2); 1 fsopen(2); 2 mount(2). */
export type NativeInterface = 0 | 1 | 2;

export interface NativeProgramSpec {
  readonly file: Buffer;
  /** From argv[0] on. */
  readonly args: readonly Buffer[];
  /** `NAME=value`; null: that of this process, byte by byte. */
  readonly env: readonly Buffer[] | null;
  readonly cwd: Buffer;
  /** Three descriptors, or -1 for /dev/null, -2 for a new pipe. */
  readonly stdio: readonly number[];
}

export interface NativeStart extends NativeProgramSpec {
  /** Descriptors. */
  readonly mount: number;
  /** -1: that of the caller. */
  readonly userNamespace: number;
  readonly at: Buffer;
}

/** Descriptors have to be open during the call only. */
export interface NativeSandboxStart extends NativeProgramSpec {
  /** Outer ones first; -1: what is mounted there anyhow, -2: an empty directory in memory. */
  readonly mounts: readonly { readonly mount: number; readonly at: Buffer }[];
  readonly userNamespace: number;
  /** Stay open until everything in the sandbox has ended. */
  readonly kept: readonly number[];
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly grace: number;
}

export interface NativeSandboxed {
  readonly program: SandboxedHandle;
  readonly pid: number;
  /** Belongs to `program`; readable when there is a report. */
  readonly reports: number;
  readonly pipes: readonly [number, number, number];
}

export interface NativeSandboxReport extends NativeEnd {
  /** 0 nothing, 1 the program has ended, 2 everything is gone. */
  readonly kind: number;
}

export interface NativeProgram {
  readonly program: ProgramHandle;
  readonly pid: number;
  /** Belongs to `program`. */
  readonly pidfd: number;
  /** Descriptors that are the caller's to close; -1 where no pipe was asked for. */
  readonly pipes: readonly [number, number, number];
}

export interface NativeEnd {
  /** -1 where a signal ended it. */
  readonly code: number;
  /** 0 where it ended by itself. */
  readonly signal: number;
}

export interface NativeBinding {
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
  mountOverlay: EitherWay<[spec: NativeSpec], NativeMounted>;
  /** The resolved path. */
  attachOverlay: EitherWay<
    [mount: MountHandle, target: Buffer, beneath: boolean, propagation: number],
    Buffer
  >;
  /** With its layers, unless it fails. */
  closeOverlay: EitherWay<
    [mount: MountHandle, layers: LayersHandle, lazy: boolean, synced: boolean],
    undefined
  >;
  refreshOwn: EitherWay<[mount: MountHandle], undefined>;
  /** -1 where it is not a detached one. The descriptor is the addon's. */
  overlayFd(mount: MountHandle): number;
  /** Its root where it is attached, as a descriptor that is the caller's. */
  openOverlay: EitherWay<[mount: MountHandle], number>;
  /** The mount is gone, though closing may not be complete. */
  overlayGone(mount: MountHandle): boolean;
  /** Of an ordinary user's overlay; -1 of others. */
  overlayNamespace(mount: MountHandle): number;
  /** Packed: see native/binding/mount_table.cc. */
  listMounts: EitherWay<[source: TableSource], Buffer>;
  /** Packed as one of them; null where no mount of the table is meant. */
  findMount: EitherWay<[path: Buffer, source: TableSource], Buffer | null>;
  listOverlays: EitherWay<[source: TableSource], readonly NativeOverlay[]>;
  statmount: EitherWay<[id: bigint, mask: number, mntNsId: bigint], NativeMountStat>;
  listmount: EitherWay<
    [id: bigint, last: bigint, max: number, flags: number, mntNsId: bigint],
    bigint[]
  >;
  unmountAt: EitherWay<[target: Buffer, flags: number, scope: NativeUnmountScope], NativeUnmounted>;
  unmountById: EitherWay<[id: bigint, flags: number, scope: NativeUnmountScope], NativeUnmounted>;
  unmountRest: EitherWay<[rest: UnmountRestHandle, flags: number], NativeUnmounted>;
  openHolders: EitherWay<[target: Buffer], HoldersHandle>;
  /** Goes on for 20 ms; null while there is more to do. */
  nextHolders: EitherWay<[search: HoldersHandle], NativeHolders | null>;
  refreshOverlay: EitherWay<[target: Buffer], undefined>;
  inspect: EitherWay<[spec: NativeSpec], readonly NativeFinding[]>;
  inspectUpperParent: EitherWay<[directory: Buffer], readonly NativeFinding[]>;
  probe: EitherWay<[], NativeProbe>;
  canReadTrusted(): boolean;
  /** CAP_SYS_ADMIN counts for mounts of this namespace. */
  mayMount(): boolean;
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
  openLayers(spec: NativeLayers): Promise<Outcome<LayersHandle>>;
  openPlain(before: Buffer, after: Buffer): Promise<Outcome<LayersHandle>>;
  /** A descriptor. */
  openSide(layers: LayersHandle, path: Buffer, after: boolean): Promise<Outcome<number>>;
  openMountLayers(target: Buffer): Promise<Outcome<LayersHandle>>;
  closeLayers: EitherWay<[layers: LayersHandle], undefined>;
  openChanges(layers: LayersHandle, options: NativeChangesOptions): Promise<Outcome<ChangesHandle>>;
  nextChanges(walk: ChangesHandle): Promise<Outcome<NativeBatch>>;
  countChanges(walk: ChangesHandle): Promise<Outcome<NativeCounts>>;
  cancelChanges(walk: ChangesHandle): void;
  closeChanges(walk: ChangesHandle): Promise<Outcome<undefined>>;
  openApply(
    layers: LayersHandle,
    to: Buffer | null,
    mounted: boolean,
    options: NativeApplyOptions,
  ): Promise<Outcome<ApplyHandle>>;
  openPendingApply(
    destination: Buffer,
    undo: boolean,
    sync: boolean,
  ): Promise<Outcome<ApplyHandle>>;
  findPendingApply(destination: Buffer): Promise<Outcome<NativePendingApply | null>>;
  nextApply(apply: ApplyHandle): Promise<Outcome<NativeApplyBatch>>;
  /** From the next step on everything is undone. */
  rollBackApply(apply: ApplyHandle): void;
  closeApply(apply: ApplyHandle): Promise<Outcome<undefined>>;
  openSides(layers: LayersHandle, unread: boolean): Promise<Outcome<SidesHandle>>;
  /** Of paths that are each behind its length: what is there on both sides, of as many as time allows. */
  readSides(sides: SidesHandle, paths: Buffer): Promise<Outcome<NativeSides>>;
  /** A descriptor, as with `openSide`. */
  openSideOf(sides: SidesHandle, path: Buffer, after: boolean): Promise<Outcome<number>>;
  closeSides(sides: SidesHandle): Promise<Outcome<undefined>>;
  /** Patterns as `include` has them. */
  newPatterns(patterns: readonly Buffer[]): PatternsHandle;
  /** 0: neither the path nor anything below it; 1: perhaps something below it; 2: the path. */
  askPatterns(patterns: PatternsHandle, path: Buffer): number;
  openScan(directory: Buffer, user: boolean): Promise<Outcome<ScanHandle>>;
  nextScan(walk: ScanHandle): Promise<Outcome<NativeBatch>>;
  cancelScan(walk: ScanHandle): void;
  closeScan(walk: ScanHandle): Promise<Outcome<undefined>>;
  /**
   * Calls back in the event loop whenever poll(2) says POLLIN (with `priority`: POLLPRI) of a duplicate
   * of `fd`, or an error of it; after an error not again. Only with `keepAlive` does the watch keep the
   * program running. It ends with `unwatchFd`, with the environment, and with the handle: a callback
   * that refers to the handle keeps both.
   */
  watchFd(
    fd: number,
    priority: boolean,
    keepAlive: boolean,
    callback: () => void,
  ): Outcome<WatchHandle>;
  /** From here on nothing calls back; may be called again. */
  unwatchFd(watch: WatchHandle): void;
  startInView(spec: NativeStart): Promise<Outcome<NativeProgram>>;
  /** Null while it runs. Once the end was told, the handle is good for nothing. */
  reapProgram(program: ProgramHandle): Outcome<NativeEnd | null>;
  /** Waits in the pool. */
  waitForProgram(program: ProgramHandle): Promise<Outcome<NativeEnd>>;
  signalProgram(program: ProgramHandle, signal: number): Outcome<undefined>;
  /** Blocks until the program has been executed. Without the handle everything in there ends. */
  startInSandbox(spec: NativeSandboxStart): Outcome<NativeSandboxed>;
  sandboxReport(program: SandboxedHandle): Outcome<NativeSandboxReport>;
  signalSandboxed(program: SandboxedHandle, signal: number): Outcome<undefined>;
  /** Ends the program and everything it has started. */
  endSandboxed(program: SandboxedHandle): Outcome<undefined>;
  /** Once it is gone. The handle is good for nothing afterwards. */
  releaseSandboxed(program: SandboxedHandle): Outcome<undefined>;
  /** The signals wait for `aimRelay`. */
  startRelay(signals: readonly number[]): Outcome<undefined>;
  /** The handle has to live until `stopRelay`. */
  aimRelay(program: SandboxedHandle): undefined;
  stopRelay(): undefined;
  /** flock(2); false where somebody else has it. */
  tryLock(fd: number): Outcome<boolean>;
  /** A process, or 0. */
  lockHolder(fd: number): number;
  /** Fails with `EBUSY` where they are mounted. */
  checkUpperFree: EitherWay<[upper: Buffer, work: Buffer], undefined>;
  removeTree: EitherWay<[path: Buffer], undefined>;
  /** Of an ordinary user with the help of newuidmap(1), which is looked for in `search` and has so long. */
  makeMappedNamespace(search: Buffer, milliseconds: number): Promise<Outcome<NamespaceHandle>>;
  /** What it was given to keeps it. */
  releaseNamespace(namespace: NamespaceHandle): Outcome<undefined>;
  /** With the rights over its ids. */
  removeTreeIn(namespace: NamespaceHandle, path: Buffer): Promise<Outcome<undefined>>;
  /** Waits in the pool for its end; of `stdio` there are no pipes. */
  runInNamespace(
    namespace: NamespaceHandle,
    program: NativeProgramSpec,
  ): Promise<Outcome<NativeEnd>>;
  /** The first entry that is another user's, or of a group that we are not in. */
  findForeignEntry(
    path: Buffer,
  ): Promise<Outcome<{ readonly path: Buffer; readonly owner: string } | null>>;
  /** CAP_CHOWN. */
  mayChown(): boolean;
  openUpperCopy(from: Buffer, to: Buffer): Promise<Outcome<UpperCopyHandle>>;
  nextUpperCopy(copy: UpperCopyHandle): Promise<Outcome<NativeUpperCopied>>;
  /** Once at the end; a running slice ends first. */
  closeUpperCopy(copy: UpperCopyHandle): Promise<Outcome<undefined>>;
}

let binding: NativeBinding | undefined;

function load(): NativeBinding {
  if (process.platform !== 'linux') {
    throw new OverlayError(
      `ENOSYS: function not implemented: overlayfs is a filesystem of the Linux kernel, and this is ${process.platform}`,
      { code: 'ENOSYS', errno: -38, hint: 'run this part of your program on Linux' },
    );
  }
  try {
    return require('node-gyp-build')(packageRoot) as NativeBinding;
  } catch (cause) {
    const kind = `${process.platform}-${process.arch}`;
    throw new OverlayError(`the native addon of overlayfs for ${kind} could not be loaded`, {
      code: 'ERR_OVERLAYFS_ADDON',
      hint:
        `the package brings prebuilt binaries for linux-x64 with glibc 2.28 or newer; on ${kind} with ` +
        'another C library, or if files of the package are missing, install it anew or build it from ' +
        'its repository (npm run build)',
      cause,
    });
  }
}

/** The addon, loaded at its first use: importing the package works on every system. */
export function native(): NativeBinding {
  binding ??= load();
  return binding;
}

export function unwrap<T>(outcome: Outcome<T>): T {
  if ('failure' in outcome) {
    throw errorFromFailure(outcome.failure);
  }
  return outcome.value;
}
