/**
 * The calls of node:fs that sessions need, as promises: node:fs/promises with its file handles alone takes Node as
 * long to load as all of them take together.
 */
import type { Dir, MakeDirectoryOptions, OpenDirOptions, Stats } from 'node:fs';
import fs from 'node:fs';
import { promisify } from 'node:util';

type MakeDirectory = (path: string, options: MakeDirectoryOptions) => Promise<string | undefined>;
type ReadText = (fd: number, encoding: 'utf8') => Promise<string>;

export const open: (path: string, flags: string | number, mode?: number) => Promise<number> =
  promisify(fs.open);
export const close: (fd: number) => Promise<void> = promisify(fs.close);
export const lstat: (path: string | Buffer) => Promise<Stats> = promisify(fs.lstat);
export const fstat: (fd: number) => Promise<Stats> = promisify(fs.fstat);
export const readText: ReadText = promisify(fs.readFile);
export const mkdir: MakeDirectory = promisify(fs.mkdir);
export const readdir: (path: string) => Promise<string[]> = promisify(fs.readdir);
export const opendir: (path: string, options: OpenDirOptions) => Promise<Dir> = promisify(
  fs.opendir,
);
export const utimes: (path: string, atime: Date, mtime: Date) => Promise<void> = promisify(
  fs.utimes,
);
