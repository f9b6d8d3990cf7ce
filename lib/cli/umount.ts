import { unmount } from '../mounts.ts';
import { exitCodes } from './exit-codes.ts';
import { onlyArgument, parseWords } from './options.ts';
import type { Word } from './words.ts';

const options = {
  lazy: { type: 'boolean' },
  force: { type: 'boolean' },
  any: { type: 'boolean' },
} as const;

export async function umount(words: readonly Word[]): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  await unmount(onlyArgument(positionals, 'TARGET'), values);
  return exitCodes.done;
}
