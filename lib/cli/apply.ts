import type { ApplyResult } from '../apply.ts';
import { applyChanges } from '../apply.ts';
import type {
  ApplyOptions,
  ApplyProgress,
  ConflictPolicy,
  PendingApplyOptions,
} from '../apply-options.ts';
import type { ChangesSource } from '../change-source.ts';
import type { OverlayError } from '../errors.ts';
import type { AppliedChange } from '../packed-apply.ts';
import type { Choice } from '../session-apply.ts';
import { applyChosen } from '../session-apply.ts';
import type { Session, SessionOverlay } from '../session-list.ts';
import type { AppliedOn, AppliedPrinter } from './applied-text.ts';
import {
  appliedPrinter,
  complainOf,
  complainOfRest,
  preparing,
  progressText,
} from './applied-text.ts';
import { finishPending, pendingDestinations } from './apply-pending.ts';
import { paintFor } from './colour.ts';
import { UsageError } from './command-errors.ts';
import { currentOverlay } from './current-overlay.ts';
import { patterns } from './diff-patterns.ts';
import { namedSession, namedSource, sourceOptions } from './diff-source.ts';
import { exitCodes } from './exit-codes.ts';
import { handedOver, pendingHandedOver } from './handing-over.ts';
import { complain } from './messages.ts';
import { exclude, listOptions, optionalArgument, parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import { Progress } from './progress.ts';
import { overlaysNamed, sayWhich, sessionsOption } from './session-words.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const options = {
  ...listOptions,
  ...sourceOptions,
  dir: { type: 'string' },
  of: { type: 'string' },
  keep: { type: 'boolean' },
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
  interactive: { type: 'boolean', short: 'i' },
} as const;

function policy(theirs: boolean | undefined, ours: boolean | undefined): ConflictPolicy {
  exclude(['--theirs', theirs], ['--ours', ours]);
  return theirs ? 'theirs' : ours ? 'ours' : 'skip';
}

/** A date, or seconds since 1970 after an `@`, as for date(1). */
function moment(word: Word): Date {
  const date = word.startsWith('@') ? new Date(Number(word.slice(1)) * 1000) : new Date(word);
  if (word === '@' || Number.isNaN(date.getTime())) {
    throw new UsageError(`--since '${textOf(word)}' is neither a date nor @SECONDS`);
  }
  return date;
}

/** What was printed while it was not known whether anything would be done. */
function conclude(results: readonly ApplyResult[], dryRun: boolean, undone: boolean): number {
  results.forEach(complainOf);
  const conflicts = results.reduce((sum, result) => sum + result.conflicts.length, 0);
  if (conflicts > 0 && !undone) {
    const left = conflicts === 1 ? 'one conflict was' : `${conflicts} conflicts were`;
    complain(`${left} left alone; --theirs overwrites what is there, --ours keeps it for good`);
  }
  const failed = results.some((result) => result.failed.length > 0);
  if (failed && !dryRun && !undone && results.every(({ applied }) => applied === 0)) {
    complain('nothing was changed; --keep-going carries out the rest');
  }
  return results.every(({ complete }) => complete) ? exitCodes.done : exitCodes.failed;
}

/** Prints every change, and says on a terminal how far it has come. */
class Listener {
  readonly #output: Output;
  readonly #print: AppliedPrinter;
  readonly #paint = paintFor('auto', process.stdout, process.env);
  readonly #progress: Progress;
  #text = preparing;
  #on: AppliedOn | undefined;

  constructor(output: Output, form: { readonly json: boolean; readonly ended: boolean }) {
    this.#output = output;
    this.#print = appliedPrinter({ ...form, paint: this.#paint });
    this.#progress = new Progress((seconds) => `overlayfs: ${this.#text}, ${seconds} s`);
    output.beforeWriting(() => this.#progress.clear());
  }

  readonly onChange = (change: AppliedChange): void => {
    void this.#output.write(this.#print(change, this.#on));
  };

  /** Of a session: what follows is about this directory. */
  readonly entering = (target: Buffer, alone: boolean): void => {
    this.#on = { target, alone };
  };

  readonly onProgress = (progress: ApplyProgress): void => {
    this.#text = progressText(progress);
  };

  /** Asks on the terminal, and draws nothing on it meanwhile. */
  async review(source: ChangesSource, options: ApplyOptions): Promise<Choice> {
    const { Questions } = await import('./questions.ts');
    const { reviewChanges } = await import('./review.ts');
    const [output, paint] = [this.#output, this.#paint];
    return reviewChanges(source, options, {
      output,
      paint,
      ask: async (work) => {
        const questions = new Questions(process.stdin);
        this.#progress.end();
        try {
          return await work(questions);
        } finally {
          questions.close();
          this.#text = preparing;
          this.#progress.start();
        }
      },
    });
  }

  end(): void {
    this.#progress.end();
  }
}

type Values = ReturnType<typeof parseWords<typeof options>>['values'];

/** `root`: what absolute patterns lie below. */
function applyOptions(values: Values, listening: PendingApplyOptions, root?: Buffer): ApplyOptions {
  const { to, include, exclude: excluded, since } = values;
  return {
    ...listening,
    ...(to !== undefined && { to: pathOf(to, '--to') }),
    ...(include !== undefined && { include: patterns('--include', include, root) }),
    ...(excluded !== undefined && { exclude: patterns('--exclude', excluded, root) }),
    conflicts: policy(values.theirs, values.ours),
    ...(since !== undefined && { since: moment(since) }),
    dryRun: values['dry-run'] ?? false,
    keepGoing: values['keep-going'] ?? false,
  };
}

/** Of several directories it is not known which one it is about. */
function checkRelative(session: Session, root: Buffer | undefined, values: Values): void {
  const { include = [], exclude: excluded = [] } = values;
  const absolute = [...include, ...excluded].find((word) => word.startsWith('/'));
  if (root === undefined && absolute !== undefined) {
    throw sayWhich(session, `the pattern '${textOf(absolute)}' is absolute, and `);
  }
}

interface Carried {
  readonly results: readonly ApplyResult[];
  /** Why a session is still there though all of it was applied. */
  readonly notDiscarded?: OverlayError | undefined;
}

/** Of each overlay, where it is a session. */
async function carryOut(
  named: ChangesSource | undefined,
  session: Session | undefined,
  values: Values,
  listening: PendingApplyOptions,
  review: Listener['review'] | undefined,
  entering: Listener['entering'],
): Promise<Carried> {
  const { dir, of, keep } = values;
  if (session === undefined) {
    if (keep || of !== undefined) {
      throw new UsageError(`${keep ? '--keep' : '--of'} goes with the name of a session`);
    }
    const source = named ?? (await currentOverlay());
    const root = Buffer.isBuffer(source) ? source : undefined;
    const options = applyOptions(values, listening, root);
    const { include: _, ...chosen } = options;
    const paths = (await review?.(source, options))?.paths;
    const result = await applyChanges(source, paths === undefined ? options : { ...chosen, paths });
    return { results: [result] };
  }
  const covered = overlaysNamed(session, of);
  const [overlay] = covered;
  const root = covered.length === 1 ? overlay?.targetBytes : undefined;
  if (values.to !== undefined && covered.length > 1) {
    throw sayWhich(session);
  }
  checkRelative(session, root, values);
  const sessionOptions = {
    ...applyOptions(values, listening, root),
    ...sessionsOption(dir),
    ...(of !== undefined && { of: pathOf(of, '--of') }),
    keep: keep ?? false,
  };
  const choose =
    review && (({ layers }: SessionOverlay, options: ApplyOptions) => review(layers, options));
  const applied = await applyChosen(session.name, sessionOptions, {
    choose,
    entering: ({ targetBytes }) => entering(targetBytes, covered.length === 1),
  });
  return { results: applied.overlays, notDiscarded: applied.notDiscarded };
}

/** A program has no use for questions, and no way to see what they are about. */
function checkTerminal(): void {
  const other = [process.stdin, process.stdout].find((stream) => !stream.isTTY);
  if (other !== undefined) {
    const name = other === process.stdin ? 'input' : 'output';
    throw new UsageError(
      `--interactive asks on a terminal, and standard ${name} is none; --include and --exclude choose without questions`,
    );
  }
}

export async function apply(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const target = optionalArgument(positionals, 'TARGET');
  const { json = false, null: ended = false, resume, abort, interactive } = values;
  const dryRun = values['dry-run'] ?? false;
  exclude(['--json', json], ['-0', ended]);
  exclude(['--resume', resume], ['--abort', abort], ['--dry-run', dryRun]);
  const silent: [string, unknown][] = [
    ['--json', json],
    ['-0', ended],
    ['--resume', resume],
    ['--abort', abort],
  ];
  for (const other of silent) {
    exclude(['--interactive', interactive], other);
  }
  if (interactive) {
    checkTerminal();
  }
  const named = resume || abort ? undefined : namedSource(target, values);
  const session = await namedSession(target, values.dir);
  const pending = resume || abort ? pendingDestinations(target, session, values) : undefined;
  const elsewhere = pending
    ? await pendingHandedOver(pending)
    : session && (await handedOver(session, sessionsOption(values.dir)));
  if (elsewhere !== undefined) {
    return elsewhere;
  }
  const listener = new Listener(output, { json, ended });
  const { onChange, onProgress, entering } = listener;
  const listening = { sync: !values['no-sync'], onChange, onProgress };
  const review: Listener['review'] | undefined = interactive
    ? (source, options) => listener.review(source, options)
    : undefined;
  const carried: Promise<Carried> = pending
    ? finishPending(pending, session, abort ?? false, listening, entering).then((results) => ({
        results,
      }))
    : carryOut(named, session, values, listening, review, entering);
  const { results, notDiscarded }: Carried = await carried.finally(() => listener.end());
  await output.flush(); // what was done comes before what was not
  const status = conclude(results, dryRun, abort ?? false);
  if (notDiscarded === undefined) {
    return status;
  }
  complainOfRest(notDiscarded);
  return exitCodes.failed;
}
