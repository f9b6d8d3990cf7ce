/** Whether what a session, or an interrupted apply, holds belongs to its user. */
import type { PathLike } from './arguments.ts';
import { pathBytes } from './arguments.ts';
import { native, unwrap } from './native.ts';
import type { Session } from './session-list.ts';
import { findSession } from './session-list.ts';

export interface ForeignEntry {
  readonly path: Buffer;
  /** `uid N, gid N`. */
  readonly owner: string;
}

/** Of it and of what it is stacked on, the first entry that is another user's, or of a group he is not in. */
export async function foreignEntryOf(
  session: Session,
  directory: PathLike | undefined,
): Promise<ForeignEntry | undefined> {
  const { base, overlays, subordinateIds } = session;
  for (const { layers } of subordinateIds ? overlays : []) {
    const upper = pathBytes(layers.upper, 'upper');
    const found = unwrap(await native().findForeignEntry(upper));
    if (found !== null) {
      return found;
    }
  }
  return base === undefined
    ? undefined
    : foreignEntryOf(
        await findSession(base, directory === undefined ? {} : { directory }),
        directory,
      );
}

/**
 * The same of what an interrupted apply on a directory has made and replaced so far, and of what it was about:
 * of a directory it may have left no more to do than its times.
 */
export async function foreignEntryOfPending(
  destination: Buffer,
): Promise<ForeignEntry | undefined> {
  const pending = unwrap(await native().findPendingApply(destination));
  for (const path of pending === null ? [] : [pending.stage, pending.source]) {
    const found = await native().findForeignEntry(path);
    // What cannot be read is missed by whoever needs it, if anybody does.
    if (!('failure' in found) && found.value !== null) {
      return found.value;
    }
  }
  return undefined;
}
