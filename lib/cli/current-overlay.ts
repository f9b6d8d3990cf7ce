import { readlinkSync } from 'node:fs';
import { listOverlays } from '../mount-table.ts';
import { UsageError } from './command-errors.ts';

/** The directory is `ancestor`, or lies below it; both are resolved. */
export function lies(directory: Buffer, ancestor: Buffer): boolean {
  const below = ancestor.at(-1) === 0x2f ? ancestor : Buffer.concat([ancestor, Buffer.from('/')]);
  return directory.equals(ancestor) || directory.subarray(0, below.length).equals(below);
}

/** The mount point of the overlay that the current directory lies in. */
export async function currentOverlay(): Promise<Buffer> {
  const overlays = (await listOverlays()).filter(({ upper }) => upper !== undefined);
  const here = readlinkSync('/proc/self/cwd', { encoding: 'buffer' }); // process.cwd() is lossy
  const [found, ...others] = overlays.filter(({ targetBytes }) => lies(here, targetBytes));
  if (found === undefined) {
    throw new UsageError(
      'no overlay with an upper covers the current directory; give a TARGET, or --upper and --lower',
    );
  }
  if (others.length > 0) {
    const targets = [found, ...others].map(({ target }) => target).join(', ');
    throw new UsageError(
      `several overlays cover the current directory (${targets}); give one of them as TARGET`,
    );
  }
  return found.targetBytes;
}
