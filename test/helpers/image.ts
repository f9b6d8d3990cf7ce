// Filesystems of a kind, in a file.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { LabPath } from './lab-process.ts';

const run = promisify(execFile);

export interface ImageKind {
  readonly name: 'btrfs' | 'ext4' | 'xfs';
  /** The smallest that its mkfs makes, and some room. */
  readonly mebibytes: number;
  /** Of the mount, as mount(8) has them. */
  readonly options?: string;
}

export const imageKinds: readonly ImageKind[] = [
  { name: 'xfs', mebibytes: 400 },
  { name: 'btrfs', mebibytes: 256 },
];

/** Why one cannot be made here; undefined if it can. */
export function whyNoImage({ name }: ImageKind): string | undefined {
  if (spawnSync(`mkfs.${name}`, ['-V']).error !== undefined) return `there is no mkfs.${name}`;
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices';
  return undefined;
}

/** Makes one and mounts it; the result unmounts it. The loop device goes with the mount. */
export async function mountImage(
  { name, mebibytes, options = 'defaults' }: ImageKind,
  file: string,
  target: LabPath,
): Promise<() => Promise<void>> {
  await writeFile(file, '');
  await truncate(file, mebibytes << 20); // sparse
  await run(`mkfs.${name}`, ['-q', file]);
  await run('mount', ['-t', name, '-o', `loop,${options}`, file, `${target}`]);
  return async () => {
    await run('umount', [`${target}`]);
  };
}
