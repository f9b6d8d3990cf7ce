/** Arguments of raw system calls: what the kernel takes, nothing made absolute, descriptors as numbers. */
import type { PathLike } from './arguments.ts';
import { flagBits, integer, optionsObject, pathBytes } from './arguments.ts';
import { argumentType, argumentValue } from './errors.ts';
import { mountApiFlags } from './mount-api-flags.ts';
import type { NativeAttributeChange } from './native-syscalls.ts';

/** Text that is no path: it may be empty. */
export function textBytes(value: unknown, name: string): Buffer {
  if (typeof value !== 'string' && !Buffer.isBuffer(value)) {
    throw argumentType(name, 'a string or a Buffer', value);
  }
  const bytes = Buffer.from(value as string);
  if (bytes.includes(0)) {
    throw argumentValue(name, 'must not contain a NUL byte');
  }
  return bytes;
}

export function textOrNull(value: unknown, name: string): Buffer | null {
  return value === null ? null : textBytes(value, name);
}

/** A path that may be empty: with a flag that is the descriptor beside it. */
export function rawPath(value: PathLike, name: string): Buffer {
  return value === '' || (Buffer.isBuffer(value) && value.length === 0)
    ? Buffer.alloc(0)
    : pathBytes(value, name);
}

/** Data of any bytes. */
export function binary(value: unknown, name: string): Buffer {
  if (!Buffer.isBuffer(value)) {
    throw argumentType(name, 'a Buffer', value);
  }
  return Buffer.from(value); // ours from here on: the work happens later
}

export function descriptor(value: unknown, name: string): number {
  return integer(value, name, 0, 0x7fff_ffff);
}

/** What relative paths start at. */
export function directory(value: unknown, name: string): number {
  return value === mountApiFlags.AT_FDCWD ? value : descriptor(value, name);
}

/** `struct mount_attr` of mount_setattr(2), field by field. */
export interface MountAttr {
  /** `MOUNT_ATTR_*` to set. */
  readonly attrSet?: number;
  /** `MOUNT_ATTR_*` to clear; done before setting. */
  readonly attrClr?: number;
  /** `MS_PRIVATE`, `MS_SHARED`, `MS_SLAVE` or `MS_UNBINDABLE`; 0 leaves it. */
  readonly propagation?: number;
  /** The user namespace of `MOUNT_ATTR_IDMAP`. */
  readonly usernsFd?: number;
}

const fields = ['attrSet', 'attrClr', 'propagation', 'usernsFd'] as const;

export function mountAttr(value: MountAttr, name: string): NativeAttributeChange {
  if (value === undefined) {
    throw argumentType(name, 'an object', value);
  }
  const {
    attrSet = 0,
    attrClr = 0,
    propagation = 0,
    usernsFd = 0,
  } = optionsObject(value, name, fields);
  return {
    set: flagBits(attrSet, `${name}.attrSet`),
    clear: flagBits(attrClr, `${name}.attrClr`),
    propagation: flagBits(propagation, `${name}.propagation`),
    usernsFd: descriptor(usernsFd, `${name}.usernsFd`),
  };
}
