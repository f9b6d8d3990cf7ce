/** Sessions as the command line names them. */
import { sessionName } from '../session-store.ts';
import { UsageError } from './command-errors.ts';
import { pathOf } from './options.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

/** Where they lie, if it is said. */
export function sessionsOption(dir: Word | undefined): { readonly directory?: Buffer } {
  return dir === undefined ? {} : { directory: pathOf(dir, '--dir') };
}

export function sessionNameOf(word: Word, name: string): string {
  try {
    return sessionName(textOf(word), name);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
