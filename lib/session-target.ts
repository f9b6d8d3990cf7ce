/** Which of the directories that a session covers is meant. */
import { realpathSync } from 'node:fs';
import type { Session, SessionOverlay } from './session-list.ts';

/** The record has it resolved. What is there no more can be named as it is recorded only. */
function resolved(path: Buffer): Buffer {
  try {
    return realpathSync.native(path, { encoding: 'buffer' });
  } catch {
    return path;
  }
}

/** `wanted` is absolute; undefined is all of them. None: the session does not cover that one. */
export function overlaysAt(
  { overlays }: Pick<Session, 'overlays'>,
  wanted: Buffer | undefined,
): readonly SessionOverlay[] {
  if (wanted === undefined) {
    return overlays;
  }
  const names = [wanted, resolved(wanted)];
  return overlays.filter(({ targetBytes }) => names.some((name) => name.equals(targetBytes)));
}

/** For messages. */
export function targetsOf({ overlays }: Session): string {
  return overlays.map(({ target }) => target).join(', ');
}
