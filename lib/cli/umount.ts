import type { UnmountOptions } from '../unmount.ts';
import { unmount } from '../unmount.ts';
import { UsageError } from './command-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { noArguments, onlyArgument, parseWords } from './options.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const options = {
  id: { type: 'string' },
  recursive: { type: 'boolean' },
  all: { type: 'boolean' },
  lazy: { type: 'boolean' },
  force: { type: 'boolean' },
  any: { type: 'boolean' },
  retry: { type: 'string' },
} as const;

/** A positive number that is no longer than `digits`. */
function digitsOf(word: Word, option: string, digits: number): string {
  if (!/^[1-9][0-9]*$/.test(word) || word.length > digits) {
    throw new UsageError(`${option} must be a positive number, but is '${textOf(word)}'`);
  }
  return word;
}

export async function umount(words: readonly Word[]): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const { id, retry, ...flags } = values;
  const given: UnmountOptions = {
    ...flags,
    ...(retry === undefined ? {} : { retry: { times: Number(digitsOf(retry, '--retry', 4)) } }),
  };
  if (id === undefined) {
    await unmount(onlyArgument(positionals, 'TARGET'), given);
  } else {
    noArguments(positionals);
    await unmount({ mountId: BigInt(digitsOf(id, '--id', 19)) }, given);
  }
  return exitCodes.done;
}
