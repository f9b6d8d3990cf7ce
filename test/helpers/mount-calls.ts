/** What the tests of bind mounts and their like have in common: both interfaces, and a refusal. */
import { readdirSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import type { OverlayError } from 'overlayfs';
import { mountsBelow } from './mountinfo.ts';
import type { Place } from './place.ts';

export const interfaces = ['fsopen', 'mount'] as const;

export const descriptors = (): string[] => readdirSync('/proc/self/fd');

/** Everything that is mounted below, and every descriptor that is open, is the same afterwards. */
export async function refused(
  t: ExecutionContext,
  place: Place,
  call: () => unknown,
  code: string,
  hint: RegExp,
): Promise<void> {
  const before = [mountsBelow(place.base), descriptors()];
  const error = await t.throwsAsync<OverlayError>(async () => call(), { name: 'OverlayError' });
  t.is(error?.code, code, error?.message);
  t.regex(error?.hint ?? `no hint: ${error?.message}`, hint);
  t.deepEqual([mountsBelow(place.base), descriptors()], before);
}
