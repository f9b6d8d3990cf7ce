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
interface EitherWay<Args extends readonly unknown[], T> {
  (...args: [...Args, sync: true]): Outcome<T>;
  (...args: [...Args, sync: false]): Promise<Outcome<T>>;
}

export interface NativeSpec {
  readonly lower: readonly Buffer[];
  readonly upper: Buffer | null;
  readonly work: Buffer | null;
  readonly target: Buffer | null;
  readonly features: NativeFeatures;
}

/** Null where nothing was asked for. */
export interface NativeFeatures {
  readonly redirectDir: Buffer | null;
  readonly index: Buffer | null;
  readonly metacopy: Buffer | null;
  readonly nfsExport: Buffer | null;
  readonly uuid: Buffer | null;
  readonly volatile: boolean;
  readonly userxattr: boolean | null;
  readonly extra: readonly Buffer[];
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
  inspect: EitherWay<[spec: NativeSpec], readonly NativeFinding[]>;
  inspectUpperParent: EitherWay<[directory: Buffer], readonly NativeFinding[]>;
  probe: EitherWay<[], NativeProbe>;
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
