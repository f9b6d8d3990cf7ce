import type { ApplyResult } from '../apply.ts';
import { abortApply, applyChanges, resumeApply } from '../apply.ts';
import type { ApplyOptions, ConflictPolicy } from '../apply-options.ts';
import type { AppliedChange } from '../packed-apply.ts';
import { appliedPrinter } from './applied-text.ts';
import { paintFor } from './colour.ts';
import { UsageError } from './command-errors.ts';
import { currentOverlay } from './current-overlay.ts';
import { patterns } from './diff-patterns.ts';
import { namedSource, sourceOptions } from './diff-source.ts';
import { exitCodes } from './exit-codes.ts';
import { complain } from './messages.ts';
import { exclude, listOptions, optionalArgument, parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import type { Word } from './words.ts';

const options = {
  ...listOptions,
  ...sourceOptions,
  to: { type: 'string' },
  include: { type: 'string', multiple: true },
  exclude: { type: 'string', multiple: true },
  since: { type: 'string' },
  theirs: { type: 'boolean' },
  ours: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  'keep-going': { type: 'boolean' },
  'no-sync': { type: 'boolean' },
  resume: { type: 'boolean' },
  abort: { type: 'boolean' },
} as const;

function policy(theirs: boolean | undefined, ours: boolean | undefined): ConflictPolicy {
  exclude(['--theirs', theirs], ['--ours', ours]);
  return theirs ? 'theirs' : ours ? 'ours' : 'skip';
}

/** A date, or seconds since 1970 after an `@`, as for date(1). */
function moment(word: Word): Date {
  const date = word.startsWith('@') ? new Date(Number(word.slice(1)) * 1000) : new Date(word);
  if (word === '@' || Number.isNaN(date.getTime())) {
    throw new UsageError(`--since '${word}' is neither a date nor @SECONDS`);
  }
  return date;
}

/** The lower of layers that are named, where there is one. */
function lowerOf(lower: readonly Word[] | undefined): Buffer | undefined {
  return lower?.length === 1 && lower[0] !== undefined ? pathOf(lower[0], '--lower') : undefined;
}

/** What was printed while it was not known whether anything would be done. */
function conclude(result: ApplyResult, dryRun: boolean, undone: boolean): number {
  const { conflicts, failed, applied } = result;
  for (const { error } of [...conflicts, ...failed]) {
    if (error !== undefined) {
      complain(error.message);
    }
  }
  if (failed.length > 0 && !dryRun && applied === 0 && !undone) {
    complain('nothing was changed; --keep-going carries out the rest');
  }
  return result.complete ? exitCodes.done : exitCodes.failed;
}

export async function apply(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const target = optionalArgument(positionals, 'TARGET');
  const { resume = false, abort = false } = values;
  const dryRun = values['dry-run'] ?? false;
  exclude(['--json', values.json], ['-0', values.null]);
  exclude(['--resume', resume], ['--abort', abort], ['--dry-run', dryRun]);
  const printed: (string | Buffer)[] = [];
  const paint = paintFor('auto', process.stdout, process.env);
  const print = appliedPrinter({ json: values.json ?? false, ended: values.null ?? false, paint });
  const listening = {
    sync: !values['no-sync'],
    onChange: (change: AppliedChange): void => {
      printed.push(print(change));
    },
    onProgress: (): void => {
      for (const piece of printed.splice(0)) {
        void output.write(piece);
      }
    },
  };
  const to = values.to === undefined ? undefined : pathOf(values.to, '--to');
  if (resume || abort) {
    const destination = to ?? target ?? lowerOf(values.lower);
    if (destination === undefined) {
      throw new UsageError(`${abort ? '--abort' : '--resume'} needs the directory: --to DIR`);
    }
    const undo = abort ? abortApply : resumeApply;
    return conclude(await undo(destination, listening), false, abort);
  }
  const source = namedSource(target, values) ?? (await currentOverlay());
  const root = Buffer.isBuffer(source) ? source : undefined;
  const given: ApplyOptions = {
    ...listening,
    ...(to !== undefined && { to }),
    include: patterns('--include', values.include, root),
    exclude: patterns('--exclude', values.exclude, root),
    conflicts: policy(values.theirs, values.ours),
    ...(values.since !== undefined && { since: moment(values.since) }),
    dryRun,
    keepGoing: values['keep-going'] ?? false,
  };
  return conclude(await applyChanges(source, given), dryRun, false);
}
