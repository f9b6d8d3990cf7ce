/** The only file that knows the addon: its interface, and how it is found. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Failure } from './errors.ts';
import { errorFromFailure, OverlayError } from './errors.ts';

declare const handle: unique symbol;
/** An object of the core that JavaScript holds on to. */
export interface Handle<Kind extends string> {
  readonly [handle]: Kind;
}
export type LayersHandle = Handle<'layers'>;
export type MountHandle = Handle<'mount'>;
export type ChangesHandle = Handle<'changes'>;
export type ScanHandle = Handle<'scan'>;

/** How every unit of work ends: the addon makes no errors, so that their stack is the caller's. */
export type Outcome<T> = { readonly value: T } | { readonly failure: Failure };

/** A function that works in the thread pool, or at once if its last argument is true. */
export interface EitherWay<Args extends readonly unknown[], T> {
  (...args: [...Args, sync: true]): Outcome<T>;
  (...args: [...Args, sync: false]): Promise<Outcome<T>>;
}

export interface NativeSpec {
  readonly lower: readonly Buffer[];
  readonly upper: Buffer | null;
  readonly work: Buffer | null;
  readonly target: Buffer;
  readonly userxattr: boolean | null;
}

export interface NativeMounted {
  readonly target: Buffer;
  readonly work: Buffer | null;
  readonly mountId: bigint;
  readonly userxattr: boolean;
  readonly warnings: readonly string[];
  readonly mount: MountHandle;
  readonly layers: LayersHandle;
}

export interface NativeOverlay {
  readonly target: Buffer;
  readonly source: Buffer;
  readonly mountId: number;
  readonly parentId: number;
  readonly mountOptions: Buffer;
  readonly superOptions: Buffer;
  readonly lower: readonly Buffer[];
  readonly dataLower: readonly Buffer[];
  readonly upper: Buffer | null;
  readonly work: Buffer | null;
  readonly userxattr: boolean;
  readonly options: readonly Buffer[];
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
  unmountOwn: EitherWay<[mount: MountHandle, flags: number], undefined>;
  unmountAt: EitherWay<[target: Buffer, flags: number, any: boolean], undefined>;
  listOverlays: EitherWay<[], readonly NativeOverlay[]>;
  canReadTrusted(): boolean;
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
  cancelChanges(walk: ChangesHandle): void;
  closeChanges(walk: ChangesHandle): Promise<Outcome<undefined>>;
  openScan(directory: Buffer, user: boolean): Promise<Outcome<ScanHandle>>;
  nextScan(walk: ScanHandle): Promise<Outcome<NativeBatch>>;
  cancelScan(walk: ScanHandle): void;
  closeScan(walk: ScanHandle): Promise<Outcome<undefined>>;
}

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

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
