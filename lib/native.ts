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
export type WatchHandle = Handle<'watch'>;
export type ProgramHandle = Handle<'program'>;

/** How every unit of work ends: the addon makes no errors, so that their stack is the caller's. */
export type Outcome<T> = { readonly value: T } | { readonly failure: Failure };

/** A function that works in the thread pool, or at once if its last argument is true. */
interface EitherWay<Args extends readonly unknown[], T> {
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

export interface NativeStart {
  /** Descriptors. */
  readonly mount: number;
  /** -1: that of the caller. */
  readonly userNamespace: number;
  readonly at: Buffer;
  readonly file: Buffer;
  /** From argv[0] on. */
  readonly args: readonly Buffer[];
  /** `NAME=value` */
  readonly env: readonly Buffer[];
  readonly cwd: Buffer;
  /** Three descriptors, or -1 for /dev/null, -2 for a new pipe. */
  readonly stdio: readonly number[];
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
  unmountOwn: EitherWay<[mount: MountHandle, flags: number], undefined>;
  unmountAt: EitherWay<[target: Buffer, flags: number, any: boolean], undefined>;
  listOverlays: EitherWay<[], readonly NativeOverlay[]>;
  canReadTrusted(): boolean;
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
