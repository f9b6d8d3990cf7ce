/** The patterns of `diff`. */
import { readFileSync, realpathSync } from 'node:fs';
import { absolutePath } from '../arguments.ts';
import { CommandError, UsageError } from './command-errors.ts';
import { lies } from './current-overlay.ts';
import { pathOf } from './options.ts';
import type { Word } from './words.ts';
import { bytesOf, textOf } from './words.ts';

const slash = 0x2f;

/** Patterns are relative to the root of the overlay; an absolute one has to lie below TARGET. */
export function pattern(option: string, word: Word, target: Buffer | undefined): Buffer {
  const bytes = pathOf(word, option);
  if (word.split('/').includes('..')) {
    throw new UsageError(`${option} '${textOf(word)}' must not lead upwards with '..'`);
  }
  return bytes[0] === slash ? below(option, bytes, target) : bytes;
}

export function patterns(
  option: string,
  words: readonly Word[] | undefined,
  target: Buffer | undefined,
): Buffer[] {
  return (words ?? []).map((word) => pattern(option, word, target));
}

/** TARGET may be named by a symbolic link, in the pattern as well. */
function below(option: string, bytes: Buffer, target: Buffer | undefined): Buffer {
  const names = target === undefined ? [] : namesOf(absolutePath(target, 'TARGET'));
  const root = names.find((name) => lies(bytes, name));
  if (root === undefined) {
    throw new UsageError(`${option} '${bytes}' is not below ${names.at(-1) ?? 'a TARGET'}`);
  }
  const inside = bytes.subarray(root.length).toString('latin1').replace(/^\/+/, '');
  return Buffer.from(inside === '' ? '**' : inside, 'latin1');
}

function namesOf(target: Buffer): Buffer[] {
  try {
    return [target, realpathSync(target, { encoding: 'buffer' })];
  } catch {
    return [target]; // what is wrong with it is said when it is opened
  }
}

const byteOrderMark = Buffer.from('\ufeff');

function textOfFile(word: Word): Buffer {
  const file = pathOf(word, '--ignore-file');
  try {
    const text = readFileSync(file);
    // As git does: an editor's mark of UTF-8 is no part of the first pattern.
    return text.subarray(0, byteOrderMark.length).equals(byteOrderMark)
      ? text.subarray(byteOrderMark.length)
      : text;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the patterns of --ignore-file cannot be read: ${why}`);
  }
}

/** Those of files, in their order, and then those of the command line, which thus decide. */
export function ignorePatterns(
  files: readonly Word[] | undefined,
  words: readonly Word[] | undefined,
): Buffer[] {
  return [...(files ?? []).map(textOfFile), ...(words ?? []).map(bytesOf)];
}
