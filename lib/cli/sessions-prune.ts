import type { Pruned } from '../session-prune.ts';
import { pruneAmong } from '../session-prune.ts';
import { UsageError } from './command-errors.ts';
import { escapeBytes, escapeText } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { isForeign, tellForeign } from './foreign.ts';
import { base64Of, jsonLine } from './json.ts';
import { complain } from './messages.ts';
import { noArguments, parseWords } from './options.ts';
import type { Output } from './output.ts';
import { withProgress } from './progress.ts';
import { sessionsOption } from './session-words.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const units: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

function age(word: Word): number {
  const [, digits = '', unit = ''] = /^(\d{1,6})([mhdw])$/.exec(word) ?? [];
  if (digits === '') {
    throw new UsageError(
      `--unused-for must be a number with m, h, d or w (30d), but is '${textOf(word)}'`,
    );
  }
  return Number(digits) * (units[unit] ?? 0);
}

function line({ name, pathBytes, why }: Pruned, dryRun: boolean): string {
  return `${dryRun ? 'would remove' : 'removed'} ${escapeText(name)} (${why}): ${escapeBytes(pathBytes)}\n`;
}

export async function prune(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, {
    dir: { type: 'string' },
    'unused-for': { type: 'string' },
    broken: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    json: { type: 'boolean' },
  });
  noArguments(positionals);
  const dryRun = values['dry-run'] ?? false;
  const unusedFor = values['unused-for'];
  const options = {
    ...sessionsOption(values.dir),
    ...(unusedFor === undefined ? {} : { unusedFor: age(unusedFor) }),
    broken: values.broken ?? false,
    dryRun,
  };
  const { pruned, all } = await withProgress(
    () => 'removing sessions',
    () => pruneAmong(options),
  );
  for (const each of pruned) {
    const { name, path, pathBytes, why, error } = each;
    if (error !== undefined) {
      complain(`${name} ${dryRun ? 'would not' : 'could not'} be removed: ${error.message}`);
    }
    if (values.json) {
      await output.write(
        jsonLine({
          name,
          path,
          pathBase64: base64Of(pathBytes),
          why,
          removed: !dryRun && !error,
          error: error?.message,
        }),
      );
    } else if (error === undefined) {
      await output.write(line(each, dryRun));
    }
  }
  tellForeign(all.filter(isForeign));
  return pruned.some(({ error }) => error !== undefined) ? exitCodes.failed : exitCodes.done;
}
