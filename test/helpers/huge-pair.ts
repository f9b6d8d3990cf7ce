import { execFileSync } from 'node:child_process';
import { truncateSync, utimesSync, writeFileSync } from 'node:fs';

/**
 * Two files that take ten seconds or more to compare, and no time to make: the blocks of one are allocated and were
 * never written (fallocate(2)), so that it has no holes; the other one is nothing but a hole.
 */
export function hugePair(allocated: string, hole: string): void {
  const bytes = 4 * 1024 ** 3;
  execFileSync('fallocate', ['--length', String(bytes), allocated]);
  writeFileSync(hole, '');
  truncateSync(hole, bytes);
  utimesSync(hole, 1, 1);
}
