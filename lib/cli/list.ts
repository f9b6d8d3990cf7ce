import type { OverlayMount } from '../mounts.ts';
import { listOverlays } from '../mounts.ts';
import { escapeBytes, escapeText } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { base64List, base64Of, jsonLine } from './json.ts';
import { exclude, listOptions, noArguments, parseWords } from './options.ts';
import type { Output } from './output.ts';
import { overlayText } from './overlay-text.ts';
import type { Word } from './words.ts';

function described(overlay: OverlayMount): string {
  return overlayText({
    target: escapeBytes(overlay.targetBytes),
    lower: overlay.lowerBytes.map(escapeBytes),
    dataLower: overlay.dataLower.map(escapeText),
    upper: overlay.upperBytes && escapeBytes(overlay.upperBytes),
    work: overlay.work && escapeText(overlay.work),
    options: [
      ...(overlay.readOnly ? ['read-only'] : []),
      ...(overlay.userxattr ? ['userxattr'] : []),
      ...overlay.options.map(escapeText),
    ],
  });
}

function object(overlay: OverlayMount): string {
  const { target, targetBytes, lowerBytes, upperBytes, ...rest } = overlay;
  return jsonLine({
    target,
    targetBase64: base64Of(targetBytes),
    ...rest,
    lowerBase64: base64List(lowerBytes),
    upperBase64: base64Of(upperBytes),
  });
}

export async function list(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, listOptions);
  noArguments(positionals);
  exclude(['--json', values.json], ['-0', values.null]);
  for (const overlay of await listOverlays()) {
    if (values.null) {
      await output.writeEnded(overlay.targetBytes);
    } else {
      await output.write(values.json ? object(overlay) : described(overlay));
    }
  }
  return exitCodes.done;
}
