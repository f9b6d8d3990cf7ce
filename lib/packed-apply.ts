/** Decodes the batches of native/binding/packed_apply.cc, where the layout is written down. */
import type { Change } from './entries.ts';
import type { OverlayError } from './errors.ts';
import { errorFromFailure } from './errors.ts';
import { decodeChanges } from './packed.ts';

/**
 * What became of one change.
 *
 * - `applied`: it was carried out, or would be (`dryRun`)
 * - `already`: the destination had it like that
 * - `conflict`: the destination is not what the change was made from, and was left alone
 * - `kept`: the same, with `conflicts: 'ours'`
 * - `failed`: it cannot be carried out; `error` says why
 */
export type ApplyOutcome = 'applied' | 'already' | 'conflict' | 'kept' | 'failed';

/** A change, and what became of it. */
export interface AppliedChange extends Change {
  readonly outcome: ApplyOutcome;
  /** A directory that was not selected itself, but something in it was. */
  readonly implied?: true;
  /** Of a conflict and of what failed: the cause, and what to do about it. */
  readonly error?: OverlayError;
}

const outcomes: readonly ApplyOutcome[] = ['applied', 'already', 'conflict', 'kept', 'failed'];

/** Texts, each behind its length. */
class Texts {
  readonly #block: Buffer;
  at: number;

  constructor(block: Buffer, at: number) {
    this.#block = block;
    this.at = at;
  }

  next(): Buffer {
    const start = this.at + 4;
    this.at = start + this.#block.readUInt32LE(this.at);
    return this.#block.subarray(start, this.at);
  }
}

function errorAt(block: Buffer, texts: Texts): OverlayError {
  const errno = block.readUInt32LE(texts.at);
  texts.at += 4;
  const [syscall, reason] = [texts.next().toString(), texts.next().toString()];
  const [path, dest, detail] = [texts.next(), texts.next(), texts.next()];
  return errorFromFailure({
    errno,
    syscall,
    reason,
    path: path.length > 0 ? path : null,
    dest: dest.length > 0 ? dest : null,
    detail,
    log: [],
  });
}

export function decodeApplied(block: Buffer, withBytes: boolean): AppliedChange[] {
  if (block.length === 0) {
    return [];
  }
  const texts = new Texts(block, 0);
  return decodeChanges(texts.next(), withBytes).map((change) => {
    const outcome = outcomes[block.readUInt8(texts.at)];
    const flags = block.readUInt8(texts.at + 1);
    texts.at += 2;
    if (outcome === undefined) {
      throw new Error('the native apply gave an unknown outcome');
    }
    return {
      ...change,
      outcome,
      ...((flags & 1) === 0 ? {} : { implied: true }),
      ...((flags & 2) === 0 ? {} : { error: errorAt(block, texts) }),
    };
  });
}
