import type { PathLike } from '../arguments.ts';
import type { MountOptions } from '../mount-options.ts';
import type { AttachedOverlay } from '../overlay.ts';
import { mountOverlay } from '../overlay.ts';
import { UsageError } from './command-errors.ts';
import { escapeBytes } from './escape.ts';
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

interface Values {
  readonly lower?: readonly Word[];
  readonly upper?: Word;
  readonly work?: Word;
  readonly userxattr?: boolean;
}

function mountOptions(target: Buffer, values: Values): MountOptions & { target: PathLike } {
  const { lower = [], upper, work, userxattr } = values;
  if (lower.length === 0) {
    throw new UsageError('at least one --lower DIR is needed');
  }
  if (work !== undefined && upper === undefined) {
    throw new UsageError('--work needs --upper: a read-only overlay has no use for it');
  }
  return {
    target,
    lower: lower.map((word) => pathOf(word, '--lower')),
    ...(upper === undefined ? {} : { upper: pathOf(upper, '--upper') }),
    ...(work === undefined ? {} : { work: pathOf(work, '--work') }),
    ...(userxattr ? { userxattr } : {}),
  };
}

function described({
  pathBytes,
  lowerBytes,
  upperBytes,
  workBytes,
  userxattr,
}: AttachedOverlay): string {
  return overlayText({
    target: escapeBytes(pathBytes),
    lower: lowerBytes.map(escapeBytes),
    dataLower: [],
    upper: upperBytes && escapeBytes(upperBytes),
    work: workBytes && escapeBytes(workBytes),
    options: [
      ...(upperBytes === undefined ? ['read-only'] : []),
      ...(userxattr ? ['userxattr'] : []),
    ],
  });
}

function object(overlay: AttachedOverlay): string {
  return jsonLine({
    target: overlay.path,
    targetBase64: base64Of(overlay.pathBytes),
    mountId: overlay.mountId,
    lower: overlay.lower,
    lowerBase64: base64List(overlay.lowerBytes),
    upper: overlay.upper,
    upperBase64: base64Of(overlay.upperBytes),
    work: overlay.work,
    workBase64: base64Of(overlay.workBytes),
    userxattr: overlay.userxattr,
    warnings: overlay.warnings,
  });
}

export async function mount(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const target = onlyArgument(positionals, 'TARGET');
  const overlay = await mountOverlay(mountOptions(target, values));
  for (const warning of overlay.warnings) {
    complain(`warning: ${warning}`);
  }
  try {
    await output.write(values.json ? object(overlay) : described(overlay));
    await output.flush();
  } catch (error) {
    await overlay.close(); // a mount that failed leaves nothing mounted
    throw error;
  }
  return exitCodes.done;
}
