/** `overlayfs apply --resume` and `--abort`: which directories they are about, and how what was left there ends. */
import type { ApplyResult } from '../apply.ts';
import { abortApply, findPendingApply, resumeApply } from '../apply.ts';
import type { PendingApplyOptions } from '../apply-options.ts';
import { absolutePath } from '../arguments.ts';
import type { Session } from '../session-list.ts';
import { SessionLock } from '../session-lock.ts';
import { UsageError } from './command-errors.ts';
import { pathOf } from './options.ts';
import { overlaysNamed } from './session-words.ts';
import type { Word } from './words.ts';

interface Named {
  readonly to?: Word;
  readonly lower?: readonly Word[];
  readonly of?: Word;
  readonly abort?: boolean;
}

/** Of several lowers none is what the changes were made on. */
function only<T>(list: T | readonly T[] | undefined): T | undefined {
  const [first, ...more] = [list].flat();
  return more.length === 0 ? (first as T | undefined) : undefined;
}

/** What was named, in the order in which it is applied; absolute. */
export function pendingDestinations(
  target: Buffer | undefined,
  session: Session | undefined,
  { to, lower, of, abort }: Named,
): readonly Buffer[] {
  if (of !== undefined && session === undefined) {
    throw new UsageError('--of goes with the name of a session');
  }
  const lowers =
    session === undefined
      ? [target ?? only(lower?.map((word) => pathOf(word, '--lower')))]
      : overlaysNamed(session, of).map(({ layers }) => only(layers.lower));
  const named = to === undefined ? lowers : [pathOf(to, '--to')];
  return named.map((path) => {
    if (path === undefined) {
      throw new UsageError(`${abort ? '--abort' : '--resume'} needs the directory: --to DIR`);
    }
    return absolutePath(path, 'destination');
  });
}

/** A session is locked meanwhile, as while it is applied. It is kept: how much of it that was about is not known. */
export async function finishPending(
  destinations: readonly Buffer[],
  session: Session | undefined,
  abort: boolean,
  listening: PendingApplyOptions,
  entering: (destination: Buffer, alone: boolean) => void,
): Promise<readonly ApplyResult[]> {
  const lock = session && (await SessionLock.take(session.pathBytes, session.name));
  try {
    const pending: Buffer[] = [];
    for (const each of destinations) {
      if ((await findPendingApply(each)) !== undefined) {
        pending.push(each);
      }
    }
    const results: ApplyResult[] = [];
    // Where there is nothing, the first says so.
    for (const each of pending.length > 0 ? pending : destinations.slice(0, 1)) {
      if (session !== undefined) {
        entering(each, pending.length <= 1);
      }
      results.push(await (abort ? abortApply : resumeApply)(each, listening));
    }
    return results;
  } finally {
    await lock?.release();
  }
}
