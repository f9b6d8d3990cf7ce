/** Sessions as the command line names them. */
import { sessionName } from '../session-store.ts';
import { UsageError } from './command-errors.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

export function sessionNameOf(word: Word, name: string): string {
  try {
    return sessionName(textOf(word), name);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
