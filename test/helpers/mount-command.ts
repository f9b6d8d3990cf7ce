/** The command that mounts, and what a command printed that went well. */
import type { ExecutionContext } from 'ava';
import type { Result } from './command.ts';
import { overlayfs } from './command.ts';
import type { Place } from './place.ts';

/** Checks that all went well, and gives what was printed. */
export function printed(t: ExecutionContext, { status, stdout, stderr }: Result): string {
  t.is(stderr, '');
  t.is(status, 0);
  return stdout.toString();
}

export function mountAt(place: Place, ...options: string[]): Promise<Result> {
  const layers = ['--lower', place.at('lower'), '--upper', place.at('upper')];
  return overlayfs(['mount', ...options, ...layers, place.at('target')]);
}
