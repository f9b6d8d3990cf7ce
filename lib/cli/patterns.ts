/** `--include` and `--exclude`. */
import { realpathSync } from 'node:fs';
import { absolutePath } from '../arguments.ts';
import { UsageError } from './command-errors.ts';
import { lies } from './current-overlay.ts';
import { pathOf } from './options.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const slash = 0x2f;

/** Patterns are relative to the root of the overlay; an absolute one has to lie below TARGET. */
export function patterns(
  option: string,
  words: readonly Word[],
  target: Buffer | undefined,
): Buffer[] {
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
