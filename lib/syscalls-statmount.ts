/** statmount(2) and listmount(2) for `syscalls`. Linux 6.8. */
import { flagBits, uint64 } from './arguments.ts';
import { argumentRange, argumentType } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { NativeMountStat } from './native-mount-table.ts';

/**
 * `struct statmount`: a field is there where `mask` has its bit. Texts are bytes; the options of
 * `mntOpts` are escaped as in mountinfo, those of `optArray` are not. An empty text is left out by the
 * kernel.
 */
export type MountStat = NativeMountStat;

const statmountConstants = {
  /** `sbDevMajor`, `sbDevMinor`, `sbMagic`, `sbFlags`. */
  STATMOUNT_SB_BASIC: 0x1,
  /** `mntId`, `mntParentId`, the two as in mountinfo (`…Old`), `mntAttr` and the propagation. */
  STATMOUNT_MNT_BASIC: 0x2,
  /** `propagateFrom`. */
  STATMOUNT_PROPAGATE_FROM: 0x4,
  /** `mntRoot`, relative to the root of the filesystem. */
  STATMOUNT_MNT_ROOT: 0x8,
  /** `mntPoint`, relative to the process's root. */
  STATMOUNT_MNT_POINT: 0x10,
  /** `fsType`. */
  STATMOUNT_FS_TYPE: 0x20,
  /** `mntNsId`. Linux 6.11. */
  STATMOUNT_MNT_NS_ID: 0x40,
  /** `mntOpts`. Linux 6.11. */
  STATMOUNT_MNT_OPTS: 0x80,
  /** `fsSubtype`. Linux 6.13. */
  STATMOUNT_FS_SUBTYPE: 0x100,
  /** `sbSource`. Linux 6.13. */
  STATMOUNT_SB_SOURCE: 0x200,
  /** `optArray`. Linux 6.13. */
  STATMOUNT_OPT_ARRAY: 0x400,
  /** `optSecArray`. Linux 6.13. */
  STATMOUNT_OPT_SEC_ARRAY: 0x800,
  /** `supportedMask`. Linux 6.15. */
  STATMOUNT_SUPPORTED_MASK: 0x1000,
  /** `mntUidmap`, of an idmapped mount. Linux 6.15. */
  STATMOUNT_MNT_UIDMAP: 0x2000,
  /** `mntGidmap`, of an idmapped mount. Linux 6.15. */
  STATMOUNT_MNT_GIDMAP: 0x4000,
  /** Instead of a mount's id: everything below the process's root, itself included. */
  LSMT_ROOT: 0xffff_ffff_ffff_ffffn,
  /** From the largest id to the smallest. Linux 6.11. */
  LISTMOUNT_REVERSE: 1,
} as const;

/** More at once is refused by the kernel. */
const largestList = 1_000_000;

function count(value: unknown, name: string): number {
  if (typeof value !== 'number') {
    throw argumentType(name, 'a number', value);
  }
  if (!Number.isInteger(value) || value < 1 || value > largestList) {
    throw argumentRange(name, `must be an integer from 1 to ${largestList}`);
  }
  return value;
}

type StatmountArguments = [mountId: bigint, mask: number, namespaceId?: bigint];

function statmountArguments(
  ...[mountId, mask, namespaceId = 0n]: StatmountArguments
): [bigint, number, bigint] {
  return [uint64(mountId, 'mountId'), flagBits(mask, 'mask'), uint64(namespaceId, 'namespaceId')];
}

/**
 * statmount(2): what the kernel says of the mount with a unique id (`Mount.uniqueId`). The buffer
 * grows as it must. `namespaceId` is that of another mount namespace (Linux 6.11, CAP_SYS_ADMIN in
 * it); 0 is the caller's.
 */
async function statmount(...args: StatmountArguments): Promise<MountStat> {
  return unwrap(await native().statmount(...statmountArguments(...args), false));
}

/** statmount(2), blocking. */
function statmountSync(...args: StatmountArguments): MountStat {
  return unwrap(native().statmount(...statmountArguments(...args), true));
}

type ListmountArguments = [
  mountId: bigint,
  lastId?: bigint,
  max?: number,
  flags?: number,
  namespaceId?: bigint,
];

function listmountArguments(
  ...[mountId, lastId = 0n, max = 4096, flags = 0, namespaceId = 0n]: ListmountArguments
): [bigint, bigint, number, number, bigint] {
  return [
    uint64(mountId, 'mountId'),
    uint64(lastId, 'lastId'),
    count(max, 'max'),
    flagBits(flags, 'flags'),
    uint64(namespaceId, 'namespaceId'),
  ];
}

/**
 * listmount(2): the unique ids of at most `max` mounts below one (or `LSMT_ROOT`), those behind
 * `lastId` (0: from the first). There may be more where there are `max`.
 */
async function listmount(...args: ListmountArguments): Promise<bigint[]> {
  return unwrap(await native().listmount(...listmountArguments(...args), false));
}

/** listmount(2), blocking. */
function listmountSync(...args: ListmountArguments): bigint[] {
  return unwrap(native().listmount(...listmountArguments(...args), true));
}

export type StatmountCalls = {
  readonly statmount: typeof statmount;
  readonly statmountSync: typeof statmountSync;
  readonly listmount: typeof listmount;
  readonly listmountSync: typeof listmountSync;
} & typeof statmountConstants;

export const statmountCalls: StatmountCalls = {
  statmount,
  statmountSync,
  listmount,
  listmountSync,
  ...statmountConstants,
};
