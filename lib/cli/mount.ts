import { absolutePath } from '../arguments.ts';
import type { MountOptions, Overlay } from '../overlay.ts';
import { mountOverlay } from '../overlay.ts';
import { UsageError } from './command-errors.ts';
import { escapeBytes, escapeText } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { base64List, base64Of, jsonLine } from './json.ts';
import { complain } from './messages.ts';
import { onlyArgument, parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import { overlayText } from './overlay-text.ts';
import type { Word } from './words.ts';

const options = {
  lower: { type: 'string', multiple: true },
  upper: { type: 'string' },
  work: { type: 'string' },
  userxattr: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** What was named, absolute: an `Overlay` has the text of it only. */
interface Named {
  readonly lower: readonly Buffer[];
  readonly upper: Buffer | undefined;
  readonly work: Buffer | undefined;
}

const directory = (word: Word, name: string): Buffer => absolutePath(pathOf(word, name), name);

function namedBy(values: { lower?: Word[]; upper?: Word; work?: Word }): Named {
  const { lower = [], upper, work } = values;
  if (lower.length === 0) {
    throw new UsageError('at least one --lower DIR is needed');
  }
  if (work !== undefined && upper === undefined) {
    throw new UsageError('--work needs --upper: a read-only overlay has no use for it');
  }
  return {
    lower: lower.map((word) => directory(word, '--lower')),
    upper: upper === undefined ? undefined : directory(upper, '--upper'),
    work: work === undefined ? undefined : directory(work, '--work'),
  };
}

function described(overlay: Overlay, named: Named): string {
  const { work, userxattr } = overlay;
  return overlayText({
    target: escapeBytes(overlay.pathBytes),
    lower: named.lower.map(escapeBytes),
    dataLower: [],
    upper: named.upper && escapeBytes(named.upper),
    work: named.work ? escapeBytes(named.work) : work && escapeText(work),
    options: [
      ...(named.upper === undefined ? ['read-only'] : []),
      ...(userxattr ? ['userxattr'] : []),
    ],
  });
}

function object(overlay: Overlay, named: Named): string {
  return jsonLine({
    target: overlay.path,
    targetBase64: base64Of(overlay.pathBytes),
    mountId: overlay.mountId,
    lower: overlay.lower,
    lowerBase64: base64List(named.lower),
    upper: overlay.upper,
    upperBase64: base64Of(named.upper),
    work: overlay.work,
    workBase64: base64Of(named.work),
    userxattr: overlay.userxattr,
    warnings: overlay.warnings,
  });
}

export async function mount(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const target = onlyArgument(positionals, 'TARGET');
  const named = namedBy(values);
  const given: MountOptions = {
    target,
    lower: named.lower,
    ...(named.upper === undefined ? {} : { upper: named.upper }),
    ...(named.work === undefined ? {} : { work: named.work }),
    ...(values.userxattr ? { userxattr: true } : {}),
  };
  const overlay = await mountOverlay(given);
  for (const warning of overlay.warnings) {
    complain(`warning: ${warning}`);
  }
  try {
    await output.write(values.json ? object(overlay, named) : described(overlay, named));
    await output.flush();
  } catch (error) {
    await overlay.close(); // a mount that failed leaves nothing mounted
    throw error;
  }
  return exitCodes.done;
}
