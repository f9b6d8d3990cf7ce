/** The words of the command line, without loss. */
import { readFileSync } from 'node:fs';
import { CommandError } from './command-errors.ts';

/**
 * An argument in the latin1 reading of its bytes: text that is not UTF-8 survives, and `parseArgs`,
 * which looks at ASCII only, can take it apart.
 */
export type Word = string;

export function bytesOf(word: Word): Buffer {
  return Buffer.from(word, 'latin1');
}

/** As UTF-8, for people and for comparisons with plain words. */
export function textOf(word: Word): string {
  return bytesOf(word).toString();
}

/** What stands in `process.argv` where bytes were no UTF-8. */
const replacement = '\ufffd';

/**
 * The last arguments in the command line as the kernel has it, which starts with `node`, its options
 * and the script. Undefined unless they are the same as Node's, but for its replacements.
 */
export function exactWords(args: readonly string[], commandLine: Buffer): Word[] | undefined {
  const all = commandLine.toString('latin1').split('\0').slice(0, -1); // each one ends with a NUL
  const words = all.slice(all.length - args.length);
  const same = words.length === args.length && words.every((word, i) => textOf(word) === args[i]);
  return same ? words : undefined;
}

function commandLine(): Buffer {
  try {
    return readFileSync('/proc/self/cmdline');
  } catch {
    return Buffer.alloc(0); // another system, or no /proc
  }
}

/** @throws CommandError where an argument is not UTF-8 and its bytes cannot be found. */
export function commandWords(args: readonly string[]): Word[] {
  if (!args.some((argument) => argument.includes(replacement))) {
    return args.map((argument) => Buffer.from(argument).toString('latin1'));
  }
  const words = exactWords(args, commandLine());
  if (words === undefined) {
    throw new CommandError(
      'an argument is not UTF-8, and its bytes cannot be found in /proc/self/cmdline',
    );
  }
  return words;
}
