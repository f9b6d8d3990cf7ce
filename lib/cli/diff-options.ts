/** The options of `diff` that say what is shown, and how. */
import type { ChangesOptions } from '../changes.ts';
import { mostThreads } from '../changes.ts';
import type { Aspect } from '../entries.ts';
import { aspectOrder } from '../packed.ts';
import { colourModes } from './colour.ts';
import { UsageError } from './command-errors.ts';
import { exclude } from './options.ts';
import { sizeOf } from './sizes.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

export const shownOptions = {
  expand: { type: 'boolean' },
  content: { type: 'string' },
  ignore: { type: 'string', multiple: true },
  include: { type: 'string', multiple: true },
  exclude: { type: 'string', multiple: true },
  'ignore-file': { type: 'string', multiple: true },
  'ignore-pattern': { type: 'string', multiple: true },
  'on-unreadable': { type: 'string' },
  threads: { type: 'string' },
  tree: { type: 'boolean' },
  stat: { type: 'boolean' },
  depth: { type: 'string' },
  patch: { type: 'boolean' },
  'max-patch-size': { type: 'string' },
  'name-status': { type: 'boolean' },
  'max-additions-shown': { type: 'string' },
  color: { type: 'string' },
  'exit-code': { type: 'boolean' },
} as const;

export interface ShownWords {
  readonly json?: boolean;
  readonly null?: boolean;
  readonly expand?: boolean;
  readonly content?: Word;
  readonly ignore?: readonly Word[];
  readonly 'on-unreadable'?: Word;
  readonly threads?: Word;
  readonly tree?: boolean;
  readonly stat?: boolean;
  readonly depth?: Word;
  readonly patch?: boolean;
  readonly 'max-patch-size'?: Word;
  readonly 'name-status'?: boolean;
  readonly 'max-additions-shown'?: Word;
  readonly color?: Word;
}

/** In which form the changes are shown. */
export interface Shown {
  readonly form: 'list' | 'tree' | 'stat' | 'patch';
  readonly expand: boolean;
  readonly depth: number;
  readonly maxPatchSize: number;
  readonly maxAdditions: number | undefined;
  readonly colour: (typeof colourModes)[number];
}

const contentModes = ['auto', 'always', 'never'] as const;
const unreadable = ['error', 'unknown'] as const;
const defaultPatchSize = 4 * 1024 * 1024;

function chosen<T extends string>(word: Word, option: string, known: readonly T[]): T {
  const found = known.find((value) => value === word);
  if (found === undefined) {
    throw new UsageError(`${option} must be one of ${known.join(', ')}, but is '${textOf(word)}'`);
  }
  return found;
}

function ignored(lists: readonly Word[]): Aspect[] {
  const aspects = lists.flatMap((list) => list.split(','));
  return aspects.map((aspect) => chosen(aspect, '--ignore', aspectOrder));
}

function count(word: Word, option: string): number {
  const value = Number(word);
  if (!/^\d+$/.test(word) || !Number.isSafeInteger(value)) {
    throw new UsageError(`${option} must be a whole number, but is '${textOf(word)}'`);
  }
  return value;
}

function threadCount(word: Word | undefined): { threads?: number } {
  if (word === undefined) {
    return {};
  }
  const threads = Number(word);
  if (!/^[1-9]\d?$/.test(word) || threads > mostThreads) {
    throw new UsageError(
      `--threads must be a number from 1 to ${mostThreads}, but is '${textOf(word)}'`,
    );
  }
  return { threads };
}

/** The options of `changes()` among them. */
export function changesOptions(words: ShownWords): ChangesOptions {
  return {
    content: chosen(words.content ?? 'auto', '--content', contentModes),
    ignore: ignored(words.ignore ?? []),
    onUnreadable: chosen(words['on-unreadable'] ?? 'error', '--on-unreadable', unreadable),
    ...threadCount(words.threads),
  };
}

/** An option that says something about a form which was not asked for is a mistake. */
function belongs(option: string, value: unknown, to: string, asked: boolean): void {
  if (value !== undefined && !asked) {
    throw new UsageError(`${option} goes with ${to}`);
  }
}

export function shownOf(words: ShownWords): Shown {
  const { json, null: ended, tree, stat, patch } = words;
  const [nameStatus, most] = [words['name-status'], words['max-additions-shown']];
  exclude(['--json', json], ['-0', ended]);
  exclude(['--json', json], ['--name-status', nameStatus]);
  exclude(['--tree', tree], ['--stat', stat], ['--patch', patch], ['--name-status', nameStatus]);
  exclude(['--tree', tree], ['--stat', stat], ['--patch', patch], ['-0', ended]);
  exclude(['--tree', tree], ['--patch', patch], ['--json', json]);
  belongs('--depth', words.depth, '--stat', stat === true);
  belongs('--max-patch-size', words['max-patch-size'], '--patch', patch === true);
  const list = !(json || ended || nameStatus || stat || patch);
  belongs('--max-additions-shown', most, 'the list and --tree', list);
  if (words.expand && (stat || patch)) {
    throw new UsageError('--stat and --patch always look below removed directories (--expand)');
  }
  const size = words['max-patch-size'];
  return {
    form: tree ? 'tree' : stat ? 'stat' : patch ? 'patch' : 'list',
    expand: words.expand ?? false,
    depth: words.depth === undefined ? 1 : count(words.depth, '--depth'),
    maxPatchSize: size === undefined ? defaultPatchSize : sizeOf(size, '--max-patch-size'),
    maxAdditions: most === undefined ? undefined : count(most, '--max-additions-shown'),
    colour: chosen(words.color ?? 'auto', '--color', colourModes),
  };
}
