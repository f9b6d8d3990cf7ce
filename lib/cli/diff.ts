import type { ChangesOptions, ChangesSource } from '../changes.ts';
import { changes } from '../changes.ts';
import type { Aspect } from '../entries.ts';
import { aspectOrder } from '../packed.ts';
import { changePrinter } from './change-text.ts';
import { UsageError } from './command-errors.ts';
import { currentOverlay } from './current-overlay.ts';
import { exitCodes } from './exit-codes.ts';
import { exclude, listOptions, optionalArgument, parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const options = {
  ...listOptions,
  upper: { type: 'string' },
  lower: { type: 'string', multiple: true },
  userxattr: { type: 'boolean' },
  expand: { type: 'boolean' },
  content: { type: 'string' },
  ignore: { type: 'string', multiple: true },
  'name-status': { type: 'boolean' },
  'exit-code': { type: 'boolean' },
} as const;

const contentModes = ['auto', 'always', 'never'] as const;

interface Layers {
  readonly upper?: Word;
  readonly lower?: readonly Word[];
  readonly userxattr?: boolean;
}

/** What is named, if anything is. */
function namedSource(target: Buffer | undefined, layers: Layers): ChangesSource | undefined {
  const { upper, lower, userxattr } = layers;
  if (upper === undefined && lower === undefined) {
    if (userxattr) {
      throw new UsageError(
        '--userxattr goes with --upper and --lower; of a mounted overlay the kernel knows it',
      );
    }
    return target;
  }
  if (target !== undefined) {
    throw new UsageError('TARGET and the layers (--upper, --lower) exclude each other');
  }
  if (upper === undefined || lower === undefined) {
    throw new UsageError(
      upper === undefined ? '--lower needs --upper' : '--upper needs at least one --lower DIR',
    );
  }
  return {
    upper: pathOf(upper, '--upper'),
    lower: lower.map((word) => pathOf(word, '--lower')),
    xattrs: userxattr ? 'user' : 'trusted',
  };
}

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
  };
  const print = changePrinter({
    json: values.json ?? false,
    ended: values.null ?? false,
    nameStatus: values['name-status'] ?? false,
  });
  let differences = false;
  const source = namedSource(target, values) ?? (await currentOverlay());
  for await (const change of changes(source, given)) {
    differences = true;
    if (!(await output.write(print(change)))) {
      break;
    }
  }
  return differences && values['exit-code'] ? exitCodes.differences : exitCodes.done;
}
