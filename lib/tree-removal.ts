/** Removing directories of sessions, with what other users have in them. */
import { errorFromFailure } from './errors.ts';
import { native } from './native.ts';
import type { Outcome } from './native-outcome.ts';
import { withSubordinateIds } from './subordinate-ids.ts';

/**
 * Removes a tree whatever its modes. What belongs to subordinate ids of the user is removed in a namespace
 * in which he has the rights over it; that is made only where something could not be removed without it.
 *
 * @throws OverlayError `EACCES` or `EPERM` with the owner where that is somebody else.
 */
export async function removeTree(path: string): Promise<void> {
  const bytes = Buffer.from(path);
  let outcome: Outcome<undefined> = await native().removeTree(bytes, false);
  let why: string | undefined;
  if ('failure' in outcome && outcome.failure.reason === 'owned-by-other' && !native().mayChown()) {
    const again = await withSubordinateIds(
      (namespace) => native().removeTreeIn(namespace, bytes),
      (missing) => {
        why = missing;
      },
    );
    outcome = again ?? outcome;
  }
  if ('failure' in outcome) {
    const error = errorFromFailure(outcome.failure);
    throw why === undefined
      ? error
      : errorFromFailure(outcome.failure, { hint: `${error.hint}; ${why}` });
  }
}
