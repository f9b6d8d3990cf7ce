import type { CloneProgress } from '../session-clone.ts';
import { cloneSession } from '../session-clone.ts';
import { findSession } from '../session-list.ts';
import { UsageError } from './command-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { handedOver } from './handing-over.ts';
import { parseWords } from './options.ts';
import { withProgress } from './progress.ts';
import { sessionNameOf, sessionsOption } from './session-words.ts';
import { sizeText } from './sizes.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

export async function clone(words: readonly Word[]): Promise<number> {
  const { values, positionals } = parseWords(words, { dir: { type: 'string' } });
  const [old, made, more] = positionals;
  if (old === undefined || made === undefined) {
    throw new UsageError(`${old === undefined ? 'OLD' : 'NEW'} is missing`);
  }
  if (more !== undefined) {
    throw new UsageError(`'${textOf(more)}' is one argument too many`);
  }
  const [from, to] = [sessionNameOf(old, 'OLD'), sessionNameOf(made, 'NEW')];
  let text = 'copying the session';
  const onProgress = ({ entries, bytes }: CloneProgress): void => {
    text = `${entries} entries copied, ${sizeText(bytes)}`;
  };
  const directory = sessionsOption(values.dir);
  const elsewhere = await handedOver(await findSession(from, directory), directory);
  if (elsewhere !== undefined) {
    return elsewhere;
  }
  await withProgress(
    () => text,
    () => cloneSession(from, to, { ...directory, onProgress }),
  );
  return exitCodes.done;
}
