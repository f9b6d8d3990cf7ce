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
export async function removeTree(path: Buffer): Promise<void> {
  await finishRemoval(path, await native().removeTree(path, false));
}

/** The rest of it, after the first attempt has come to `done`. */
export async function finishRemoval(path: Buffer, done: Outcome<undefined>): Promise<void> {
  let outcome = done;
  let why: string | undefined;
  if ('failure' in outcome && outcome.failure.reason === 'owned-by-other' && !native().mayChown()) {
    const again = await withSubordinateIds(
      (namespace) => native().removeTreeIn(namespace, path),
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
