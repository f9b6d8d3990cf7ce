import type { PathLike } from './arguments.ts';
import {
  absolutePath,
  optionalBoolean,
  optionalFunction,
  optionalOneOf,
  optionalSignal,
  optionsObject,
  patternList,
} from './arguments.ts';
import { argumentRange, argumentType, argumentValue } from './errors.ts';
import type { NativeApplyOptions } from './native-apply.ts';
import type { AppliedChange } from './packed-apply.ts';

/**
 * What becomes of a change where the destination is not what the change was made from. `'skip'`
 * (default): it is reported and not carried out. `'theirs'`: it is carried out all the same, over what
 * is there. `'ours'`: the destination stays as it is, which is no failure.
 */
export type ConflictPolicy = 'skip' | 'theirs' | 'ours';

/** How far an apply has come. */
export interface ApplyProgress {
  /**
   * `'prepare'`: what is going to be put in place is being made, and nothing has been changed.
   * `'commit'`: it is being put in place. `'undo'`: it is taken back. `'clean'`: what was replaced is
   * removed.
   */
  readonly phase: 'prepare' | 'commit' | 'undo' | 'clean';
  /** Changes that are ready to be put in place. */
  readonly prepared: number;
  /** Changes that are in place. */
  readonly applied: number;
  /** Bytes that were copied; what shares blocks with the layer is not copied. */
  readonly bytes: number;
}

/** What `resumeApply` and `abortApply` can be told. */
export interface PendingApplyOptions {
  /** As in `ApplyOptions`. */
  readonly sync?: boolean;
  readonly encoding?: 'utf8' | 'buffer';
  /** As in `ApplyOptions`; what an abort takes back stays so whatever it throws. */
  readonly onChange?: (change: AppliedChange) => void;
  readonly onProgress?: (progress: ApplyProgress) => void;
}

export interface ApplyOptions extends PendingApplyOptions {
  /**
   * The directory that is changed. Default: the lower of the layers, of which there has to be one
   * only; of two plain directories `before`.
   */
  readonly to?: PathLike;
  /** Patterns of what is carried out, as in `ChangesOptions`. */
  readonly include?: readonly PathLike[];
  /** Patterns of what is left alone, stronger than `include`. */
  readonly exclude?: readonly PathLike[];
  /**
   * Exactly these changes, instead of `include`: by their paths as `changes` gives them (`'.'` is the root),
   * which are no patterns. What lies in a directory is not carried out with it but named itself; where a
   * directory is removed or replaced by something else, what lay in it goes as well. A directory that is
   * needed is made (`implied`). None of them: nothing is carried out.
   */
  readonly paths?: readonly PathLike[];
  readonly conflicts?: ConflictPolicy;
  /**
   * When the changes began to be made, by the clock of this machine; a `bigint` is nanoseconds since
   * 1970. Where the destination is the lower itself, what has changed in it since is a conflict.
   * Without it the lower as it is now is what the changes were made from, and there are none. To
   * another directory it makes no difference: that is compared with the lower.
   */
  readonly since?: Date | bigint;
  /** Change nothing, and report what would be done. */
  readonly dryRun?: boolean;
  /**
   * Where something is known to fail before the first change: carry out the rest. Default: then nothing
   * is changed.
   */
  readonly keepGoing?: boolean;
  /**
   * Have everything on the disk before the first name leads to it, and before what was replaced is
   * removed, so that it can be finished or undone after a power failure as well. Without it that is
   * promised after the end of the process only. Default: true.
   */
  readonly sync?: boolean;
  /** `'buffer'`: every change has `pathBytes`. */
  readonly encoding?: 'utf8' | 'buffer';
  /**
   * Ends it: everything that was done is undone, then it rejects with an `AbortError`. Once all is in
   * place it is too late.
   */
  readonly signal?: AbortSignal;
  /**
   * Called for every change: while it is prepared for those that are not carried out, then for the others. What it
   * throws takes everything back (of a session: on the directory that it was at), and the call rejects with it.
   */
  readonly onChange?: (change: AppliedChange) => void;
  /** Called every 20 ms or so. What it throws does the same, but in the phase `'clean'`, when all is in place. */
  readonly onProgress?: (progress: ApplyProgress) => void;
}

const pendingKeys = ['sync', 'encoding', 'onChange', 'onProgress'];
export const applyKeys: readonly string[] = [
  ...pendingKeys,
  'to',
  'include',
  'exclude',
  'paths',
  'conflicts',
  'since',
  'dryRun',
  'keepGoing',
  'signal',
];
const policies = ['skip', 'theirs', 'ours'] as const;
const billion = 1_000_000_000n;

export interface Listening {
  readonly withBytes: boolean;
  readonly onChange: ((change: AppliedChange) => void) | undefined;
  readonly onProgress: ((progress: ApplyProgress) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface CheckedApply extends Listening {
  readonly to: Buffer | null;
  readonly options: NativeApplyOptions;
}

function sinceOf(value: unknown): readonly [number, number] | null {
  if (value === undefined) {
    return null;
  }
  if (!(value instanceof Date) && typeof value !== 'bigint') {
    throw argumentType('options.since', 'a Date or a bigint', value);
  }
  if (value instanceof Date && Number.isNaN(value.getTime())) {
    throw argumentRange('options.since', 'must be a valid date');
  }
  const time = value instanceof Date ? BigInt(value.getTime()) * 1_000_000n : value;
  const rest = ((time % billion) + billion) % billion;
  return [Number((time - rest) / billion), Number(rest)];
}

/** What was asked for, in short: the same again finishes what was interrupted. */
function fingerprint(...parts: readonly (Buffer | string)[][]): number {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  for (const part of parts) {
    for (const item of part) {
      hash.update(item).update('\0');
    }
    hash.update('\n');
  }
  return hash.digest().readUIntLE(0, 6);
}

function listening(given: Readonly<Record<string, unknown>>): Listening {
  return {
    withBytes: optionalOneOf(given.encoding, 'options.encoding', ['utf8', 'buffer']) === 'buffer',
    onChange: optionalFunction(given.onChange, 'options.onChange'),
    onProgress: optionalFunction(given.onProgress, 'options.onProgress'),
    signal: optionalSignal(given.signal, 'options.signal'),
  };
}

/** @throws TypeError or RangeError for wrong options. */
export function checkedApply(value: unknown): CheckedApply {
  const given = optionsObject(value, 'options', applyKeys);
  const include = patternList(given.include, 'options.include');
  const exclude = patternList(given.exclude, 'options.exclude');
  const paths = given.paths === undefined ? null : patternList(given.paths, 'options.paths');
  if (paths !== null && given.include !== undefined) {
    throw argumentValue('options.paths', 'names exactly what is chosen, and excludes `include`');
  }
  const policy = optionalOneOf(given.conflicts, 'options.conflicts', policies) ?? 'skip';
  return {
    ...listening(given),
    to: given.to === undefined ? null : absolutePath(given.to, 'options.to'),
    options: {
      include,
      paths,
      exclude,
      conflicts: policies.indexOf(policy),
      since: sinceOf(given.since),
      dryRun: optionalBoolean(given.dryRun, 'options.dryRun') ?? false,
      keepGoing: optionalBoolean(given.keepGoing, 'options.keepGoing') ?? false,
      sync: optionalBoolean(given.sync, 'options.sync') ?? true,
      fingerprint: fingerprint(
        [...include],
        [...exclude],
        [policy],
        ...(paths ? [[...paths]] : []),
      ),
    },
  };
}

/** @throws TypeError for wrong options. */
export function checkedPending(value: unknown): Listening & { readonly sync: boolean } {
  const given = optionsObject(value, 'options', pendingKeys);
  return { ...listening(given), sync: optionalBoolean(given.sync, 'options.sync') ?? true };
}
