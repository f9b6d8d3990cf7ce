import type { ChangesOptions } from '../changes.ts';
import { changes } from '../changes.ts';
import type { Aspect } from '../entries.ts';
import { aspectOrder } from '../packed.ts';
import { changePrinter } from './change-text.ts';
import { UsageError } from './command-errors.ts';
import { currentOverlay } from './current-overlay.ts';
import { namedSource, sourceOptions } from './diff-source.ts';
import { exitCodes } from './exit-codes.ts';
import { exclude, listOptions, optionalArgument, parseWords } from './options.ts';
import type { Output } from './output.ts';
import { patterns } from './patterns.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const options = {
  ...listOptions,
  ...sourceOptions,
  expand: { type: 'boolean' },
  content: { type: 'string' },
  ignore: { type: 'string', multiple: true },
  include: { type: 'string', multiple: true },
  exclude: { type: 'string', multiple: true },
  'on-unreadable': { type: 'string' },
  'name-status': { type: 'boolean' },
  'exit-code': { type: 'boolean' },
} as const;

const contentModes = ['auto', 'always', 'never'] as const;
const unreadable = ['error', 'unknown'] as const;

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
  };
  const print = changePrinter({
    json: values.json ?? false,
    ended: values.null ?? false,
    nameStatus: values['name-status'] ?? false,
  });
  let differences = false;
  const named = namedSource(target, values);
  const source = named ?? (await currentOverlay());
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
