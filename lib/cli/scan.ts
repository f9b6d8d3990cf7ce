import { scanLayer } from '../scan.ts';
import { entryLine, entryObject } from './entry-text.ts';
import { exitCodes } from './exit-codes.ts';
import { exclude, listOptions, onlyArgument, parseWords } from './options.ts';
import type { Output } from './output.ts';
import type { Word } from './words.ts';

const options = { ...listOptions, userxattr: { type: 'boolean' } } as const;

export async function scan(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const directory = onlyArgument(positionals, 'DIR');
  exclude(['--json', values.json], ['-0', values.null]);
  const xattrs = values.userxattr ? 'user' : 'trusted';
  for await (const entry of scanLayer(directory, { xattrs })) {
    const open = values.null
      ? output.writeEnded(entry.pathBytes ?? Buffer.from(entry.path))
      : output.write(values.json ? entryObject(entry, xattrs) : entryLine(entry));
    if (!(await open)) {
      break;
    }
  }
  return exitCodes.done;
}
