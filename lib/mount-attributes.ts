/** What can be said of a mount, whatever its filesystem. */
import { optionalBoolean, optionalOneOf } from './arguments.ts';
import { mountFlags } from './mount-flags.ts';

/** Of the mount, not of the files in it; those of the layers' own mounts do not carry over. */
export interface MountAttributes {
  /** Nothing can be written through this mount. */
  readonly readOnly?: boolean;
  /** Set-user-ID and set-group-ID bits and file capabilities have no effect. */
  readonly nosuid?: boolean;
  /** Device files cannot be opened. */
  readonly nodev?: boolean;
  /** No program can be executed. */
  readonly noexec?: boolean;
  /** No symbolic link is followed. Linux 5.10. */
  readonly nosymfollow?: boolean;
  /** When times of access are kept. Default: `'relatime'`. */
  readonly atime?: 'relatime' | 'noatime' | 'strictatime';
  /** Keep no times of access of directories. */
  readonly nodiratime?: boolean;
  /** Whether mounts made below it appear elsewhere too (mount_namespaces(7)). Default: as the mount it lies on. */
  readonly propagation?: Propagation;
}

export type Propagation = 'private' | 'shared' | 'slave' | 'unbindable';

/** MOUNT_ATTR_* of fsmount(2). */
const bits = {
  readOnly: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  nodiratime: 0x80,
  nosymfollow: 0x200000,
} as const;
const atimeBits = { relatime: 0, noatime: 0x10, strictatime: 0x20 } as const;

const propagationFlags = {
  private: mountFlags.MS_PRIVATE,
  shared: mountFlags.MS_SHARED,
  slave: mountFlags.MS_SLAVE,
  unbindable: mountFlags.MS_UNBINDABLE,
} as const;

export const attributeNames: readonly string[] = [...Object.keys(bits), 'atime', 'propagation'];

export function attributeBits(given: Readonly<Record<string, unknown>>, name: string): number {
  const atime = optionalOneOf(given.atime, `${name}.atime`, ['relatime', 'noatime', 'strictatime']);
  let all: number = atimeBits[atime ?? 'relatime'];
  for (const [key, bit] of Object.entries(bits)) {
    if (optionalBoolean(given[key], `${name}.${key}`)) {
      all |= bit;
    }
  }
  return all;
}

/** 0 where nothing was asked for. */
export function propagationFlag(value: unknown, name: string): number {
  const word = optionalOneOf(value, name, ['private', 'shared', 'slave', 'unbindable']);
  return word === undefined ? 0 : propagationFlags[word];
}
