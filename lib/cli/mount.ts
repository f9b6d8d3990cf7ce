import type { Overlay } from '../overlay.ts';
import { mountOverlay } from '../overlay.ts';
import { escapeBytes } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { base64List, base64Of, jsonLine } from './json.ts';
import { layerOptions, layersOf } from './layer-options.ts';
import { complain } from './messages.ts';
import { onlyArgument, parseWords } from './options.ts';
import type { Output } from './output.ts';
import { overlayText } from './overlay-text.ts';
import type { Word } from './words.ts';

const options = { ...layerOptions, json: { type: 'boolean' } } as const;

function described({ pathBytes, lowerBytes, upperBytes, workBytes, userxattr }: Overlay): string {
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

function object(overlay: Overlay): string {
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
  const overlay = await mountOverlay({ ...layersOf(values), target });
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
