/** Whether what a session holds belongs to its user. */
import type { PathLike } from './arguments.ts';
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
    const upper = Buffer.from(String(layers.upper));
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
