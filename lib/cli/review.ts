/** Asking on a terminal which changes are to be applied. */
import { applyChanges } from '../apply.ts';
import type { ApplyOptions } from '../apply-options.ts';
import type { ChangesSource } from '../change-source.ts';
import { OverlayError } from '../errors.ts';
import type { AppliedChange } from '../packed-apply.ts';
import type { Choice } from '../session-apply.ts';
import { appliedLine } from './applied-text.ts';
import type { Paint } from './colour.ts';
import { CommandError } from './command-errors.ts';
import { escapeText } from './escape.ts';
import { complain } from './messages.ts';
import type { Output } from './output.ts';
import { complainOfSize, patchText } from './patch-view.ts';
import type { Questions } from './questions.ts';
import { editList } from './review-list.ts';

export interface ReviewTerminal {
  readonly output: Output;
  readonly paint: Paint;
  /** Has the terminal for itself meanwhile. */
  readonly ask: <T>(work: (questions: Questions) => Promise<T>) => Promise<T>;
}

const keys = ['y', 'n', 'a', 's', 'd', 'e', 'q', '?'] as const;
type Key = (typeof keys)[number];

const help = `y - apply this change
n - do not apply it
a - apply it, and all that follow
s - apply none of it and what follows, only what was chosen so far
d - show its difference
e - edit the list of all changes in $VISUAL or $EDITOR, then apply what is left in it
q - quit: nothing is applied
? - this text
`;

const words: Readonly<Record<string, Key>> = {
  yes: 'y',
  no: 'n',
  all: 'a',
  stop: 's',
  diff: 'd',
  edit: 'e',
  quit: 'q',
  help: '?',
};

/** The end of input is no consent. */
function keyOf(answer: string | undefined): Key | undefined {
  const word = answer === undefined ? 'q' : answer.trim().toLowerCase();
  return words[word] ?? keys.find((key) => key === word);
}

const bytesOf = ({ path, pathBytes }: AppliedChange): Buffer => pathBytes ?? Buffer.from(path);

/** Parents first, names compared as bytes: a slash sorts before everything. */
function orderOf(change: AppliedChange): string {
  const path = bytesOf(change).toString('latin1');
  return path === '.' ? '' : path.replaceAll('/', '\0');
}

/** A pattern that matches a path and no other one. */
function literal(path: Buffer): Buffer {
  return Buffer.from(path.toString('latin1').replace(/[*?[\]\\]/g, '\\$&'), 'latin1');
}

async function showDifference(
  source: ChangesSource,
  change: AppliedChange,
  { output, paint }: ReviewTerminal,
): Promise<void> {
  const { patchOf } = await import('../patch.ts');
  const wanted = bytesOf(change);
  const tree = change.previousType === 'directory' || change.kind === 'deleted';
  const options = { include: [literal(wanted)], encoding: 'buffer' } as const;
  let said = false;
  try {
    for await (const part of patchOf(source, options, () => undefined)) {
      if (tree || wanted.equals(part.change.pathBytes ?? Buffer.from(part.change.path))) {
        complainOfSize(part, 4 * 1024 * 1024);
        await output.write(patchText(part, { terminal: true, paint }));
        said = true;
      }
    }
  } catch (error) {
    if (!(error instanceof OverlayError)) {
      throw error;
    }
    await output.flush();
    complain(error.message);
  }
  if (!said) {
    await output.write('there is nothing to be shown of it\n');
  }
}

/** What would be done, in the order of a list of changes. */
async function candidates(
  source: ChangesSource,
  { onChange: _, ...options }: ApplyOptions,
): Promise<AppliedChange[]> {
  const found: AppliedChange[] = [];
  await applyChanges(source, {
    ...options,
    dryRun: true,
    encoding: 'buffer',
    onChange: (change) => found.push(change),
  });
  const keyed = found.map((change) => ({ change, order: orderOf(change) }));
  keyed.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  return keyed.map(({ change }) => change);
}

class Review {
  readonly #source: ChangesSource;
  readonly #asked: readonly AppliedChange[];
  readonly #terminal: ReviewTerminal;
  readonly #questions: Questions;
  readonly #chosen: (boolean | undefined)[];

  constructor(
    source: ChangesSource,
    asked: readonly AppliedChange[],
    terminal: ReviewTerminal,
    questions: Questions,
  ) {
    this.#source = source;
    this.#asked = asked;
    this.#terminal = terminal;
    this.#questions = questions;
    this.#chosen = asked.map(() => undefined);
  }

  /** Undefined: nothing is to be applied. */
  async chosen(): Promise<readonly boolean[] | undefined> {
    for (let at = 0; at < this.#asked.length; ) {
      const key = await this.#ask(at);
      switch (key) {
        case 'y':
        case 'n':
          this.#chosen[at++] = key === 'y';
          break;
        case 'a':
        case 's':
          this.#chosen.fill(key === 'a', at);
          at = this.#asked.length;
          break;
        case 'e': {
          const edited = await editList(this.#asked, this.#chosen);
          if (edited !== undefined) {
            return edited;
          }
          break;
        }
        case 'q':
          return undefined;
        default:
          await this.#explain(key, at);
      }
    }
    return this.#chosen.map((each) => each === true);
  }

  async #explain(key: 'd' | '?' | undefined, at: number): Promise<void> {
    const change = this.#asked[at];
    if (key === 'd' && change !== undefined) {
      await showDifference(this.#source, change, this.#terminal);
    } else {
      await this.#terminal.output.write(help);
    }
  }

  async #ask(at: number): Promise<Key | undefined> {
    const { output, paint } = this.#terminal;
    const change = this.#asked[at];
    if (change !== undefined) {
      await output.write(appliedLine(change, paint));
      if (change.error !== undefined) {
        await output.write(`   ${escapeText(change.error.message)}\n`);
      }
    }
    const question = `(${at + 1}/${this.#asked.length}) Apply this change [${keys.join(',')}]? `;
    await output.write(paint('bold', question));
    await output.flush();
    return keyOf(await this.#questions.next());
  }
}

/**
 * Shows what an apply would do, and asks about each change. What the destination has already is not asked
 * about.
 *
 * @throws CommandError where the user has quit.
 */
export async function reviewChanges(
  source: ChangesSource,
  options: ApplyOptions,
  terminal: ReviewTerminal,
): Promise<Choice> {
  const found = await candidates(source, options);
  const settled = ({ outcome }: AppliedChange): boolean =>
    outcome === 'already' || outcome === 'kept';
  const asked = found.filter((change) => !settled(change));
  const chosen = await terminal.ask((questions) =>
    new Review(source, asked, terminal, questions).chosen(),
  );
  if (chosen === undefined) {
    throw new CommandError('nothing was applied');
  }
  const taken = new Set(asked.filter((_, i) => chosen[i]));
  return {
    paths: found.filter((change) => settled(change) || taken.has(change)).map(bytesOf),
    all: chosen.every((each) => each),
  };
}
