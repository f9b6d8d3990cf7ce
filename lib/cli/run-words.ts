/** The words of `run`: its own options, and the command, which is nobody's but the program's. */
import { parseArgs } from 'node:util';
import { UsageError } from './command-errors.ts';
import { ruleOptions } from './rule-words.ts';
import type { Word } from './words.ts';

/** Those of rules (`ruleOptions`) are its own as well. */
export const runOptions = {
  name: { type: 'string' },
  base: { type: 'string' },
  lower: { type: 'string', multiple: true },
  overlay: { type: 'string', multiple: true },
  dir: { type: 'string' },
  grace: { type: 'string' },
  'no-network': { type: 'boolean' },
  hide: { type: 'string', multiple: true },
  'read-only': { type: 'string', multiple: true },
  'empty-tmp': { type: 'boolean' },
  'pid-namespace': { type: 'boolean' },
  'map-ids': { type: 'string' },
  'on-success': { type: 'string' },
  'on-failure': { type: 'string' },
} as const;

export interface RunWords {
  readonly own: readonly Word[];
  readonly command: readonly Word[];
}

/** The command begins after `--`, or with the first word that is no option. */
export function splitRunWords(words: readonly Word[]): RunWords {
  const [begin = ''] = words;
  if (!begin.startsWith('-')) {
    return { own: [], command: words };
  }
  if (begin === '--') {
    return { own: [], command: words.slice(1) };
  }
  const { tokens } = parseArgs({
    args: words,
    options: { ...runOptions, ...ruleOptions },
    strict: false,
    tokens: true,
  });
  const first = tokens.find(({ kind }) => kind !== 'option');
  if (first === undefined) {
    return { own: words, command: [] };
  }
  const after = first.kind === 'option-terminator' ? first.index + 1 : first.index;
  return { own: words.slice(0, first.index), command: words.slice(after) };
}

const words: Readonly<Record<string, string>> = {
  session: '--name',
  base: '--base',
  lower: '--lower',
  overlays: '--overlay',
  directory: '--dir',
};

/** What the library has against its options, in words of the command: it is the same mistake. */
export function asUsage(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof TypeError) || code !== 'ERR_INVALID_ARG_VALUE') {
    return error;
  }
  const word = (text: string, key: string): string => words[key] ?? text;
  const said = message.replace(/^"options\.(\w+)"/, word).replace(/`(\w+)`/g, word);
  return new UsageError(said, { cause: error });
}
