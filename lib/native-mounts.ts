/** The addon makes overlays, and holds on to them. */
import type { NamespaceHandle } from './native-namespaces.ts';
import type { EitherWay, Handle } from './native-outcome.ts';

export type MountHandle = Handle<'mount'>;
export type LayersHandle = Handle<'layers'>;

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
  /**
   * An overlay of a session: where programs will see it. It allows no more than what is mounted there, and its
   * upper and workdir lie in a directory that is locked.
   */
  readonly seenOn: Buffer | null;
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

export interface NativeMounts {
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
  refreshOverlay: EitherWay<[target: Buffer], undefined>;
}
