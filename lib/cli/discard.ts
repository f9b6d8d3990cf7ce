import { discardSession } from '../session-removal.ts';
import { UsageError } from './command-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import { sessionNameOf } from './session-words.ts';
import type { Word } from './words.ts';

export async function discard(words: readonly Word[], _: Output): Promise<number> {
  const { values, positionals } = parseWords(words, { dir: { type: 'string' } });
  if (positionals.length === 0) {
    throw new UsageError('NAME is missing');
  }
  const names = positionals.map((word) => sessionNameOf(word, 'NAME'));
  const options = values.dir === undefined ? {} : { directory: pathOf(values.dir, '--dir') };
  for (const name of names) {
    await discardSession(name, options);
  }
  return exitCodes.done;
}
