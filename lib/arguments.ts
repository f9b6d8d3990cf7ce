import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { argumentRange, argumentType, argumentValue } from './errors.ts';

/** A path: text, bytes, or a `file:` URL. File names are bytes, so a Buffer can name any file. */
export type PathLike = string | Buffer | URL;

const slash = 0x2f;

function urlBytes(url: URL, name: string): Buffer {
  try {
    return Buffer.from(fileURLToPath(url));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw argumentValue(name, `must be a file: URL of a path: ${why}`);
  }
}

/** The bytes of a path, as they are. */
export function pathBytes(value: unknown, name: string): Buffer {
  let bytes: Buffer;
  if (typeof value === 'string') {
    bytes = Buffer.from(value);
  } else if (Buffer.isBuffer(value)) {
    bytes = Buffer.from(value); // ours from here on: the work happens later
  } else if (value instanceof URL) {
    bytes = urlBytes(value, name);
  } else {
    throw argumentType(name, 'a string, a Buffer or a file: URL', value);
  }
  if (bytes.length === 0) {
    throw argumentValue(name, 'must not be empty');
  }
  if (bytes.includes(0)) {
    throw argumentValue(name, 'must not contain a NUL byte');
  }
  return bytes;
}

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

/** `process.cwd()` is text, and a directory's name need not be. */
export function workingDirectory(): Buffer {
  return process.platform === 'linux'
    ? readlinkSync('/proc/self/cwd', { encoding: 'buffer' })
    : Buffer.from(process.cwd());
}

/**
 * The bytes of a path, absolute: a later `process.chdir` must not change what was meant. Nothing is
 * normalised, since `a/..` is not `.` where `a` is a symbolic link.
 */
export function absolutePath(value: unknown, name: string): Buffer {
  const bytes = pathBytes(value, name);
  return bytes[0] === slash ? bytes : Buffer.concat([workingDirectory(), Buffer.from('/'), bytes]);
}

/** A name below some root, which cannot lead out of it by itself; empty for the root. */
export function relativeName(value: unknown, name: string): Buffer {
  const bytes = value === '' ? Buffer.alloc(0) : pathBytes(value, name);
  if (bytes[0] === slash || bytes.toString('latin1').split('/').includes('..')) {
    throw argumentValue(name, 'must be relative to the root of the overlay, without ..');
  }
  return bytes;
}

/** One path or a list of at least one. */
export function pathList(value: unknown, name: string): readonly Buffer[] {
  if (!Array.isArray(value)) {
    return [absolutePath(value, name)];
  }
  if (value.length === 0) {
    throw argumentValue(name, 'must name at least one directory');
  }
  return Array.from(value, (item, i) => absolutePath(item, `${name}[${i}]`));
}

/** Patterns of paths below some root. */
export function patternList(value: unknown, name: string): readonly Buffer[] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw argumentType(name, 'an array', value);
  }
  return Array.from(value, (item, i) => {
    const pattern = pathBytes(item, `${name}[${i}]`); // not empty
    return relativeName(pattern, `${name}[${i}]`);
  });
}

/** Something that is called with an item. */
export function optionalFunction<T>(value: unknown, name: string): ((item: T) => void) | undefined {
  if (value !== undefined && typeof value !== 'function') {
    throw argumentType(name, 'a function', value);
  }
  return value as ((item: T) => void) | undefined;
}

/** Checks that a value is a plain options object without keys we do not know. */
export function optionsObject(
  value: unknown,
  name: string,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (value === undefined) {
    return {};
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw argumentType(name, 'an object', value);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw argumentValue(`${name}.${key}`, `is no option; known are ${known.join(', ')}`);
    }
  }
  return value as Readonly<Record<string, unknown>>;
}

export function optionalBoolean(value: unknown, name: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') {
    throw argumentType(name, 'a boolean', value);
  }
  return value;
}

/** A whole number from `least` to `most`. */
export function optionalInteger(
  value: unknown,
  name: string,
  least: number,
  most: number,
): number | undefined {
  return value === undefined ? undefined : integer(value, name, least, most);
}

export function integer(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== 'number') {
    throw argumentType(name, 'a number', value);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    throw argumentRange(name, `must be an integer from ${least} to ${most}`);
  }
  return value;
}

export function oneOf<T extends string>(value: unknown, name: string, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  if (found === undefined) {
    throw argumentValue(name, `must be one of ${words.map((word) => `'${word}'`).join(', ')}`);
  }
  return found;
}

export function optionalOneOf<T extends string>(
  value: unknown,
  name: string,
  words: readonly T[],
): T | undefined {
  return value === undefined ? undefined : oneOf(value, name, words);
}

/** The number of an open descriptor. */
export function descriptor(value: unknown, name: string): number {
  return integer(value, name, 0, 0x7fff_ffff);
}

/** Options of the kernel as text: `key` or `key=value`. */
export function optionList(value: unknown, name: string): readonly Buffer[] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw argumentType(name, 'an array', value);
  }
  return Array.from(value, (item, i) => {
    if (typeof item !== 'string' && !Buffer.isBuffer(item)) {
      throw argumentType(`${name}[${i}]`, 'a string or a Buffer', item);
    }
    const option = Buffer.from(item as string);
    if (option.length === 0 || option[0] === 0x3d || option.includes(0)) {
      throw argumentValue(`${name}[${i}]`, "must be 'key' or 'key=value', without NUL bytes");
    }
    return option;
  });
}

export function optionalSignal(value: unknown, name: string): AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw argumentType(name, 'an AbortSignal', value);
  }
  return value;
}

export function flagBits(value: unknown, name: string): number {
  return integer(value, name, 0, 0xffff_ffff);
}

/** A 64-bit id: a number would round it. */
export function uint64(value: unknown, name: string): bigint {
  if (typeof value !== 'bigint') {
    throw argumentType(name, 'a bigint', value);
  }
  if (BigInt.asUintN(64, value) !== value) {
    throw argumentRange(name, 'must be an unsigned integer of 64 bits');
  }
  return value;
}
