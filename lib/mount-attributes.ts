/** The attributes of a mount as options, and as the numbers of mount_setattr(2). */
import { oneOf, optionalBoolean } from './arguments.ts';
import { mountApiFlags } from './mount-api-flags.ts';
import { mountFlags } from './mount-flags.ts';
import type { NativeInterface } from './native-mount-calls.ts';
import type { NativeAttributeChange } from './native-syscalls.ts';

/**
 * What holds for one mount, whatever the filesystem below allows. True sets, false clears, left out
 * keeps.
 *
 * @see mount_setattr(2)
 */
export interface MountAttributes {
  /** Nothing can be written through this mount. A filesystem that is read-only itself stays so. */
  readonly readOnly?: boolean;
  /** Set-user-ID and set-group-ID bits and file capabilities are ignored. */
  readonly nosuid?: boolean;
  /** Device files cannot be opened. */
  readonly nodev?: boolean;
  /** No program may be executed. */
  readonly noexec?: boolean;
  /** Symbolic links are not followed. Linux 5.14; through mount(2), 5.10. */
  readonly nosymfollow?: boolean;
  /** When access times are updated: if older than the modification, never, or always. */
  readonly atime?: Atime;
  /** Access times of directories are never updated. */
  readonly nodiratime?: boolean;
}

export type Atime = 'relatime' | 'noatime' | 'strictatime';

/**
 * Whether mounts made below a mount appear below its copies (`shared`: both ways, `slave`: in only,
 * `private`: neither way); `unbindable` is private, and the mount cannot be bound elsewhere.
 *
 * @see mount_namespaces(7)
 */
export type Propagation = 'private' | 'shared' | 'slave' | 'unbindable';

/**
 * The interface of the kernel that does it: fsopen(2), open_tree(2), move_mount(2) and
 * mount_setattr(2), or mount(2) alone.
 */
export type MountInterface = 'fsopen' | 'mount';

const bits = {
  readOnly: mountApiFlags.MOUNT_ATTR_RDONLY,
  nosuid: mountApiFlags.MOUNT_ATTR_NOSUID,
  nodev: mountApiFlags.MOUNT_ATTR_NODEV,
  noexec: mountApiFlags.MOUNT_ATTR_NOEXEC,
  nosymfollow: mountApiFlags.MOUNT_ATTR_NOSYMFOLLOW,
  nodiratime: mountApiFlags.MOUNT_ATTR_NODIRATIME,
} as const;

const atimes = {
  relatime: mountApiFlags.MOUNT_ATTR_RELATIME,
  noatime: mountApiFlags.MOUNT_ATTR_NOATIME,
  strictatime: mountApiFlags.MOUNT_ATTR_STRICTATIME,
} as const;

const propagations = {
  private: mountFlags.MS_PRIVATE,
  shared: mountFlags.MS_SHARED,
  slave: mountFlags.MS_SLAVE,
  unbindable: mountFlags.MS_UNBINDABLE,
} as const;

const interfaces = { fsopen: 1, mount: 2 } as const;

function keys<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[];
}

export const attributeNames: readonly (keyof MountAttributes)[] = [...keys(bits), 'atime'];

type Given = Readonly<Record<string, unknown>>;

/** Of the options named in `attributeNames`, and `propagation` where the caller knows it. */
export function attributeChange(given: Given, name: string): NativeAttributeChange {
  let set = 0;
  let clear = 0;
  for (const key of keys(bits)) {
    const value = optionalBoolean(given[key], `${name}.${key}`);
    set |= value === true ? bits[key] : 0;
    clear |= value === false ? bits[key] : 0;
  }
  if (given.atime !== undefined) {
    set |= atimes[oneOf(given.atime, `${name}.atime`, keys(atimes))];
    clear |= mountApiFlags.MOUNT_ATTR__ATIME;
  }
  const propagation =
    given.propagation === undefined ? 0 : propagationFlag(given.propagation, `${name}.propagation`);
  return { set, clear, propagation, usernsFd: 0 };
}

export function propagationFlag(value: unknown, name: string): number {
  return propagations[oneOf(value, name, keys(propagations))];
}

export function mountInterface(value: unknown, name: string): NativeInterface {
  return value === undefined ? 0 : interfaces[oneOf(value, name, keys(interfaces))];
}
