/** The addon reads the table of mounts. */
import type { EitherWay } from './native-outcome.ts';

/** What the table of mounts is read from; the library says 'auto', tests compare the others. */
export const tableSources = { auto: 0, statmount: 1, mountinfo: 2 } as const;
export type TableSource = (typeof tableSources)[keyof typeof tableSources];

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

export interface NativeMountTable {
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
}
