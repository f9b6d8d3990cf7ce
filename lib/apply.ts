import type {
  ApplyOptions,
  ApplyProgress,
  Listening,
  PendingApplyOptions,
} from './apply-options.ts';
import { checkedApply, checkedPending } from './apply-options.ts';
import type { PathLike } from './arguments.ts';
import { absolutePath } from './arguments.ts';
import type { ChangesSource } from './change-source.ts';
import { openableSource } from './change-source.ts';
import { AbortError } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { ApplyHandle, NativeApplyBatch } from './native-apply.ts';
import type { Outcome } from './native-outcome.ts';
import type { AppliedChange } from './packed-apply.ts';
import { decodeApplied } from './packed-apply.ts';

/** What came of an apply. */
export interface ApplyResult {
  /** Every change that was selected is in the destination now: nothing failed and nothing is in conflict. */
  readonly complete: boolean;
  /** The destination was changed; false after a dry run, and where something was known to fail. */
  readonly changed: boolean;
  /** How many changes were carried out, or would be; directories that were needed are among them. */
  readonly applied: number;
  /** How many the destination had already. */
  readonly already: number;
  /** How many were left alone as `conflicts: 'ours'` says. */
  readonly kept: number;
  readonly conflicts: readonly AppliedChange[];
  readonly failed: readonly AppliedChange[];
  /** Bytes that were copied. */
  readonly bytes: number;
}

/** An apply that was interrupted. */
export interface PendingApply {
  /**
   * `'preparing'`: nothing had been changed. `'ready'`: some of it may have been changed; it can be
   * finished or undone. `'done'`, `'undone'`: only what is left over is to be removed.
   */
  readonly state: 'preparing' | 'ready' | 'done' | 'undone';
  /** The directory that holds what is to be put in place, and what was replaced. */
  readonly stage: string;
  /** How many changes it is about, once that is known. */
  readonly changes: number;
  readonly began: Date | undefined;
  /** Where the changes come from. */
  readonly source: string;
}

const phases = ['prepare', 'commit', 'undo', 'clean', 'clean'] as const;
const states = ['preparing', 'ready', 'done', 'undone'] as const;

interface Tally {
  applied: number;
  already: number;
  kept: number;
  readonly conflicts: AppliedChange[];
  readonly failed: AppliedChange[];
}

function count(tally: Tally, change: AppliedChange): void {
  switch (change.outcome) {
    case 'conflict':
      tally.conflicts.push(change);
      break;
    case 'failed':
      tally.failed.push(change);
      break;
    default:
      tally[change.outcome]++;
  }
}

function progressOf(batch: NativeApplyBatch): ApplyProgress {
  return {
    phase: phases[batch.phase] ?? 'clean',
    prepared: batch.prepared,
    applied: batch.done,
    bytes: batch.copied,
  };
}

/** Pulls it to its end. What a callback throws takes everything back, as the signal does. */
async function pull(
  apply: ApplyHandle,
  { withBytes, onChange, onProgress, signal }: Listening,
  dryRun: boolean,
): Promise<ApplyResult> {
  const tally: Tally = { applied: 0, already: 0, kept: 0, conflicts: [], failed: [] };
  let thrown: { readonly error: unknown } | undefined;
  const turnBack = (): void => native().rollBackApply(apply);
  signal?.addEventListener('abort', turnBack, { once: true });
  if (signal?.aborted) {
    turnBack();
  }
  try {
    for (;;) {
      const batch = unwrap(await native().nextApply(apply));
      try {
        for (const change of decodeApplied(batch.bytes, withBytes)) {
          count(tally, change);
          if (thrown === undefined) {
            onChange?.(change);
          }
        }
        if (thrown === undefined) {
          onProgress?.(progressOf(batch));
        }
      } catch (error) {
        thrown ??= { error };
        turnBack();
      }
      if (batch.more) {
        continue;
      }
      if (thrown !== undefined) {
        throw thrown.error;
      }
      if (batch.rolledBack && signal?.aborted) {
        throw new AbortError(signal.reason);
      }
      const refused = batch.refused && !dryRun;
      return {
        ...tally,
        applied: refused ? 0 : tally.applied,
        complete: tally.conflicts.length === 0 && tally.failed.length === 0,
        changed: !dryRun && !batch.rolledBack && batch.done > 0,
        bytes: batch.copied,
      };
    }
  } finally {
    signal?.removeEventListener('abort', turnBack);
    unwrap(await native().closeApply(apply));
  }
}

/**
 * Carries out what an upper changes on another directory: on the lower itself, or with `to` on any.
 * Afterwards the selected part of it is what the overlay shows: names, types, content, modes, owners,
 * extended attributes, times of files and link groups; a directory in which something was changed has
 * its modification time in the overlay. No mark of overlayfs is carried over.
 *
 * Everything that is going to be put in place is made first, in a directory beside the destination
 * that nobody else can look into (`.NAME.overlayfs-apply`), and what fails then has changed nothing.
 * Then it is put in place name by name, each in one step, and what it replaces is kept until the end:
 * killed at any moment it can be finished, by the same call or by `resumeApply`, or undone by
 * `abortApply`. That takes as much space as the new files have data, where the filesystem cannot share
 * it with the layer.
 *
 * Nothing is done through a mount point or a symbolic link in the destination. See docs/applying.md
 * for what is a conflict, and for what is promised when.
 *
 * @throws TypeError for wrong arguments. Rejects with an `OverlayError`: `EBUSY` where the upper is
 * mounted (unless the source is a mounted overlay and `to` names another directory), where the
 * destination is a layer of a mounted overlay, or where another apply on it is running or was
 * interrupted; `EINVAL` without `to` where there are several lowers; `EROFS`, `ENOSPC` and what else
 * making and moving files gives. After a failure while changes are made `resumeApply` and `abortApply`
 * go on from there; after any other nothing has been changed. What `onChange` or `onProgress` throws takes everything
 * back, and the call rejects with it; but in the phase `'clean'`, where it comes too late as `signal` does: then all is
 * in place.
 */
export async function applyChanges(
  source: ChangesSource,
  options?: ApplyOptions,
): Promise<ApplyResult> {
  const from = openableSource(source);
  const { to, options: spec, ...listening } = checkedApply(options);
  if (listening.signal?.aborted) {
    throw new AbortError(listening.signal.reason);
  }
  const opened = await from.with((layers) => native().openApply(layers, to, from.mounted, spec));
  return pull(unwrap(opened), listening, spec.dryRun);
}

async function pending(
  destination: PathLike,
  options: PendingApplyOptions | undefined,
  undo: boolean,
): Promise<ApplyResult> {
  const path = absolutePath(destination, 'destination');
  const { sync, ...listening } = checkedPending(options);
  const opened: Outcome<ApplyHandle> = await native().openPendingApply(path, undo, sync);
  return pull(unwrap(opened), listening, false);
}

/**
 * Finishes an apply that was interrupted; the layers are not needed any more. `onChange` hears of all
 * changes, also of those that had been made already.
 *
 * @throws OverlayError `ENOENT` where none was interrupted, or before its first change; `EUCLEAN` where
 * its journal is damaged, `EINVAL` where it belongs to another directory.
 */
export function resumeApply(
  destination: PathLike,
  options?: PendingApplyOptions,
): Promise<ApplyResult> {
  return pending(destination, options, false);
}

/**
 * Undoes an apply that was interrupted: the destination is as it was before, directory times included.
 * It needs no free space.
 *
 * @throws OverlayError `ENOENT` where none was interrupted, `EINVAL` where all its changes are in place
 * and what they replaced is being removed, `ESTALE` where somebody else has changed the same files
 * since: they are reported as conflicts, and what was there before is still in the stage.
 */
export function abortApply(
  destination: PathLike,
  options?: PendingApplyOptions,
): Promise<ApplyResult> {
  return pending(destination, options, true);
}

/** What an interrupted apply on a directory has left, if there was one. */
export async function findPendingApply(destination: PathLike): Promise<PendingApply | undefined> {
  const path = absolutePath(destination, 'destination');
  const found = unwrap(await native().findPendingApply(path));
  if (found === null) {
    return undefined;
  }
  return {
    state: states[found.state] ?? 'preparing',
    stage: found.stage.toString(),
    changes: found.changes,
    began:
      found.seconds === 0
        ? undefined
        : new Date(found.seconds * 1000 + Math.max(found.nanoseconds, 0) / 1_000_000),
    source: found.source.toString(),
  };
}
