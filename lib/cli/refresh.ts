import { refreshOverlay } from '../refresh.ts';
import { exitCodes } from './exit-codes.ts';
import { onlyArgument, parseWords } from './options.ts';
import type { Word } from './words.ts';

export async function refresh(words: readonly Word[]): Promise<number> {
  const { positionals } = parseWords(words, {});
  await refreshOverlay(onlyArgument(positionals, 'TARGET'));
  return exitCodes.done;
}
