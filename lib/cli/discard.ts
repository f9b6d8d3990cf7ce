import { OverlayError } from '../errors.ts';
import { recordedBases, stackedFirst } from '../session-bases.ts';
import { discardSession } from '../session-removal.ts';
import { UsageError } from './command-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { tellFailure } from './failure.ts';
import { parseWords } from './options.ts';
import type { Output } from './output.ts';
import { withProgress } from './progress.ts';
import { sessionNameOf, sessionsOption } from './session-words.ts';
import type { Word } from './words.ts';

/** As they were given, but none before what is stacked on it. */
async function inOrder(
  names: readonly string[],
  { directory }: ReturnType<typeof sessionsOption>,
): Promise<readonly string[]> {
  return names.length < 2
    ? names
    : stackedFirst(names, (name) => name, await recordedBases(directory));
}

export async function discard(words: readonly Word[], _: Output): Promise<number> {
  const { values, positionals } = parseWords(words, { dir: { type: 'string' } });
  if (positionals.length === 0) {
    throw new UsageError('NAME is missing');
  }
  const names = [...new Set(positionals.map((word) => sessionNameOf(word, 'NAME')))];
  const options = sessionsOption(values.dir);
  let status: number = exitCodes.done;
  for (const name of await inOrder(names, options)) {
    try {
      await withProgress(
        () => `removing the session ${name}`,
        () => discardSession(name, options),
      );
    } catch (error) {
      if (!(error instanceof OverlayError)) {
        throw error;
      }
      tellFailure(error);
      status = exitCodes.failed;
    }
  }
  return status;
}
