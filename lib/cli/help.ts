import { UsageError } from './command-errors.ts';
import { isCommand } from './command-names.ts';
import { exitCodes } from './exit-codes.ts';
import { generalHelp, helpTexts } from './help-texts.ts';
import { noArguments, parseWords } from './options.ts';
import type { Output } from './output.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

export async function help(words: readonly Word[], output: Output): Promise<number> {
  const [word, ...more] = parseWords(words, {}).positionals;
  const [of, ...rest] = more;
  // The text about all of it has these as well.
  noArguments(word === 'sessions' && (of === 'clone' || of === 'prune') ? rest : more);
  if (word !== undefined && !isCommand(word)) {
    throw new UsageError(`there is no command '${textOf(word)}'`);
  }
  await output.write(word === undefined ? generalHelp : helpTexts[word]);
  return exitCodes.done;
}
