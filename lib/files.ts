/**
 * The calls of node:fs that sessions need, as promises: node:fs/promises with its file handles alone takes Node as
 * long to load as all of them take together.
 */
import type {
  BigIntStats,
  Dir,
  MakeDirectoryOptions,
  OpenDirOptions,
  PathLike,
  Stats,
} from 'node:fs';
import fs from 'node:fs';
import { promisify } from 'node:util';

type MakeDirectory = (path: PathLike, options: MakeDirectoryOptions) => Promise<string | undefined>;
type ReadText = (fd: number, encoding: 'utf8') => Promise<string>;

export const open: (path: PathLike, flags: string | number, mode?: number) => Promise<number> =
  promisify(fs.open);
export const close: (fd: number) => Promise<void> = promisify(fs.close);
export const lstat: (path: PathLike) => Promise<Stats> = promisify(fs.lstat);
export const lstatExactly: (
  path: PathLike,
  options: { readonly bigint: true },
) => Promise<BigIntStats> = promisify(fs.lstat);
export const fstat: (fd: number) => Promise<Stats> = promisify(fs.fstat);
export const fstatExactly: (
  fd: number,
  options: { readonly bigint: true },
) => Promise<BigIntStats> = promisify(fs.fstat);
export const readText: ReadText = promisify(fs.readFile);
export const mkdir: MakeDirectory = promisify(fs.mkdir);
export const readdir: (path: PathLike) => Promise<string[]> = promisify(fs.readdir);
export const readNames: (path: PathLike, encoding: 'buffer') => Promise<Buffer[]> = promisify(
  fs.readdir,
);
export const opendir: (path: PathLike, options: OpenDirOptions) => Promise<Dir> = promisify(
  fs.opendir,
);
export const utimes: (path: PathLike, atime: Date, mtime: Date) => Promise<void> = promisify(
  fs.utimes,
);
