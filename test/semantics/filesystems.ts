// The filesystems under test: loop images and a tmpfs, made once for a run.
import { execFile } from 'node:child_process';
import { mkdir, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Filesystem } from './cells.ts';

const execute = promisify(execFile);

const makers: readonly (readonly [Filesystem, program: string, words: readonly string[]])[] = [
  ['ext4', 'mkfs.ext4', ['-q', '-F']],
  ['xfs', 'mkfs.xfs', ['-q', '-f']],
  ['btrfs', 'mkfs.btrfs', ['-q', '-f']],
];

// Sparse: as much as is written to it, which is little.
const size = 2 ** 30;

export interface Mounted {
  readonly places: Map<Filesystem, string>;
  /** Of those that could not be had, why. */
  readonly missing: Map<Filesystem, string>;
}

function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
    return 'its mkfs is not installed';
  }
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  return text.trim().replaceAll('\n', '; ');
}

async function mountImage(base: string, program: string, words: readonly string[], place: string) {
  const image = join(base, 'image');
  await writeFile(image, '');
  try {
    await truncate(image, size);
    await execute(program, [...words, image]);
    // The loop device goes with the mount.
    await execute('mount', ['-o', 'loop,noatime', image, place]);
  } finally {
    // The mount keeps it; nothing is left of it afterwards.
    await unlink(image);
  }
}

/** In a private mount namespace. An ordinary user cannot mount images. */
export async function mountAll(base: string, images: boolean): Promise<Mounted> {
  const mounted: Mounted = { places: new Map(), missing: new Map() };
  const attempt = async (name: Filesystem, how: (place: string) => Promise<unknown>) => {
    const place = join(base, name);
    await mkdir(place);
    try {
      await how(place);
      mounted.places.set(name, place);
    } catch (error) {
      mounted.missing.set(name, reason(error));
    }
  };
  for (const [name, program, words] of makers) {
    if (images) await attempt(name, (place) => mountImage(base, program, words, place));
    else mounted.missing.set(name, 'an ordinary user cannot mount an image');
  }
  await attempt('tmpfs', (place) => execute('mount', ['-t', 'tmpfs', 'tmpfs', place]));
  return mounted;
}

/** Fails where something is still mounted or open. */
export async function unmountAll({ places }: Mounted, lazily: boolean): Promise<void> {
  for (const place of places.values()) {
    await execute('umount', lazily ? ['--lazy', place] : [place]);
  }
}
