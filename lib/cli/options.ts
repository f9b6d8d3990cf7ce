/** Takes command lines apart and says in one sentence what is wrong with them. */
import type { ParseArgsConfig } from 'node:util';
import { parseArgs } from 'node:util';
import { UsageError } from './command-errors.ts';
import type { Word } from './words.ts';
import { bytesOf, textOf } from './words.ts';

/** None of them has a default. */
export type Options = Readonly<
  Record<string, Omit<NonNullable<ParseArgsConfig['options']>[string], 'default'>>
>;

interface Config<T extends Options> {
  args: readonly Word[];
  options: T;
  strict: true;
  allowPositionals: true;
}

export type Parsed<T extends Options> = ReturnType<typeof parseArgs<Config<T>>>;

/** The options of every command that prints a list. */
export const listOptions: {
  readonly json: { readonly type: 'boolean' };
  readonly null: { readonly type: 'boolean'; readonly short: '0' };
} = { json: { type: 'boolean' }, null: { type: 'boolean', short: '0' } };

/** What a lenient parser makes of the words: for questions that come before the strict one. */
function tokensOf(words: readonly Word[], options: Options) {
  if (words.length === 0) {
    return []; // the parser takes its time to load
  }
  const lenient = { args: words, options, strict: false, tokens: true } as const;
  return parseArgs(lenient).tokens.filter((token) => token.kind === 'option');
}

export function asksForHelp(words: readonly Word[]): boolean {
  return tokensOf(words, {}).some(({ name }) => name === 'help' || name === 'h');
}

/** Node's own messages differ from version to version and explain its interface. */
function mistakes(words: readonly Word[], options: Options): string[] {
  return tokensOf(words, options).flatMap(({ name, rawName, value, inlineValue }) => {
    const type = options[name]?.type;
    const option = textOf(rawName);
    if (type === undefined) {
      return [`there is no option ${option}`];
    }
    if (type === 'boolean') {
      return value === undefined ? [] : [`${option} takes no value`];
    }
    if (value === undefined) {
      return [`${option} needs a value`];
    }
    return !inlineValue && /^-./s.test(value)
      ? [
          `${option} needs a value; one that begins with a dash is given as ${option}=${textOf(value)}`,
        ]
      : [];
  });
}

/** Of two values of an option that has one, the parser would take the last without a word. */
function checkOnce(words: readonly Word[], options: Options): void {
  const seen = new Set<string>();
  for (const { name, rawName, value } of tokensOf(words, options)) {
    if (value !== undefined && !options[name]?.multiple && seen.has(name)) {
      throw new UsageError(`${rawName} can be given once only`);
    }
    seen.add(name);
  }
}

export function parseWords<const T extends Options>(words: readonly Word[], options: T): Parsed<T> {
  if (words.length === 0) {
    return { values: {}, positionals: [] } as unknown as Parsed<T>; // as above
  }
  let parsed: Parsed<T>;
  try {
    parsed = parseArgs<Config<T>>({ args: words, options, strict: true, allowPositionals: true });
  } catch (error) {
    const [mistake] = mistakes(words, options);
    throw mistake === undefined ? error : new UsageError(mistake, { cause: error });
  }
  checkOnce(words, options);
  return parsed;
}

export function exclude(...given: readonly [option: string, value: unknown][]): void {
  const names = given.filter(([, value]) => value).map(([option]) => option);
  if (names.length > 1) {
    throw new UsageError(`${names.slice(0, -1).join(', ')} and ${names.at(-1)} exclude each other`);
  }
}

/** A path on the command line; `name` is the option or the argument as the usage calls it. */
export function pathOf(word: Word, name: string): Buffer {
  if (word === '') {
    throw new UsageError(`${name} must not be empty`);
  }
  return bytesOf(word);
}

/** The only argument, if there is one. */
export function optionalArgument(positionals: readonly Word[], name: string): Buffer | undefined {
  const [first, second] = positionals;
  if (second !== undefined) {
    throw new UsageError(`'${textOf(second)}' is one argument too many`);
  }
  return first === undefined ? undefined : pathOf(first, name);
}

export function onlyArgument(positionals: readonly Word[], name: string): Buffer {
  const argument = optionalArgument(positionals, name);
  if (argument === undefined) {
    throw new UsageError(`${name} is missing`);
  }
  return argument;
}

export function noArguments(positionals: readonly Word[]): void {
  const [first] = positionals;
  if (first !== undefined) {
    throw new UsageError(`'${textOf(first)}' is one argument too many`);
  }
}
