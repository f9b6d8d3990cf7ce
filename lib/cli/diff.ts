import { realpathSync } from 'node:fs';
import { absolutePath } from '../arguments.ts';
import type { ChangesOptions } from '../changes.ts';
import { changes, mostThreads } from '../changes.ts';
import type { Aspect } from '../entries.ts';
import { aspectOrder } from '../packed.ts';
import { changePrinter } from './change-text.ts';
import { UsageError } from './command-errors.ts';
import { currentOverlay, lies } from './current-overlay.ts';
import { namedSource, sessionSource, sourceOptions } from './diff-source.ts';
import { exitCodes } from './exit-codes.ts';
import { exclude, listOptions, optionalArgument, parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const options = {
  ...listOptions,
  ...sourceOptions,
  dir: { type: 'string' },
  of: { type: 'string' },
  expand: { type: 'boolean' },
  content: { type: 'string' },
  ignore: { type: 'string', multiple: true },
  include: { type: 'string', multiple: true },
  exclude: { type: 'string', multiple: true },
  'on-unreadable': { type: 'string' },
  threads: { type: 'string' },
  'name-status': { type: 'boolean' },
  'exit-code': { type: 'boolean' },
} as const;

const contentModes = ['auto', 'always', 'never'] as const;
const slash = 0x2f;
const unreadable = ['error', 'unknown'] as const;

function chosen<T extends string>(word: Word, option: string, known: readonly T[]): T {
  const found = known.find((value) => value === word);
  if (found === undefined) {
    throw new UsageError(`${option} must be one of ${known.join(', ')}, but is '${textOf(word)}'`);
  }
  return found;
}

function threadCount(word: Word | undefined): { threads?: number } {
  if (word === undefined) {
    return {};
  }
  if (!/^[1-9]\d?$/.test(word) || Number(word) > mostThreads) {
    throw new UsageError(
      `--threads must be a number from 1 to ${mostThreads}, but is '${textOf(word)}'`,
    );
  }
  return { threads: Number(word) };
}

function ignored(lists: readonly Word[]): Aspect[] {
  const aspects = lists.flatMap((list) => list.split(','));
  return aspects.map((aspect) => chosen(aspect, '--ignore', aspectOrder));
}

/** Patterns are relative to the root of the overlay; an absolute one has to lie below TARGET. */
function patterns(option: string, words: readonly Word[], target: Buffer | undefined): Buffer[] {
  return words.map((word) => {
    const pattern = pathOf(word, option);
    if (word.split('/').includes('..')) {
      throw new UsageError(`${option} '${textOf(word)}' must not lead upwards with '..'`);
    }
    return pattern[0] === slash ? below(option, pattern, target) : pattern;
  });
}

/** TARGET may be named by a symbolic link, in the pattern as well. */
function below(option: string, pattern: Buffer, target: Buffer | undefined): Buffer {
  const names = target === undefined ? [] : namesOf(absolutePath(target, 'TARGET'));
  const root = names.find((name) => lies(pattern, name));
  if (root === undefined) {
    throw new UsageError(`${option} '${pattern}' is not below ${names.at(-1) ?? 'a TARGET'}`);
  }
  const inside = pattern.subarray(root.length).toString('latin1').replace(/^\/+/, '');
  return Buffer.from(inside === '' ? '**' : inside, 'latin1');
}

function namesOf(target: Buffer): Buffer[] {
  try {
    return [target, realpathSync(target, { encoding: 'buffer' })];
  } catch {
    return [target]; // what is wrong with it is said when it is opened
  }
}

export async function diff(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const target = optionalArgument(positionals, 'TARGET');
  exclude(['--json', values.json], ['-0', values.null]);
  exclude(['--json', values.json], ['--name-status', values['name-status']]);
  const given: ChangesOptions = {
    content: chosen(values.content ?? 'auto', '--content', contentModes),
    expand: values.expand ?? false,
    ignore: ignored(values.ignore ?? []),
    onUnreadable: chosen(values['on-unreadable'] ?? 'error', '--on-unreadable', unreadable),
    ...threadCount(values.threads),
  };
  const print = changePrinter({
    json: values.json ?? false,
    ended: values.null ?? false,
    nameStatus: values['name-status'] ?? false,
  });
  let differences = false;
  const session = await sessionSource(target, values);
  const named = namedSource(session === undefined ? target : undefined, values);
  if (session !== undefined && named !== undefined) {
    throw new UsageError('the name of a session excludes layers and directories');
  }
  const source = session ?? named ?? (await currentOverlay());
  const root = Buffer.isBuffer(source) ? source : undefined;
  const include = patterns('--include', values.include ?? [], root);
  const excluded = patterns('--exclude', values.exclude ?? [], root);
  for await (const change of changes(source, { ...given, include, exclude: excluded })) {
    differences = true;
    if (!(await output.write(print(change)))) {
      break;
    }
  }
  return differences && values['exit-code'] ? exitCodes.differences : exitCodes.done;
}
