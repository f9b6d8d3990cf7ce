import type { OverlayMount } from '../mount-entry.ts';
import { listOverlays } from '../mount-table.ts';
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
    dataLower: overlay.dataLowerBytes.map(escapeBytes),
    upper: overlay.upperBytes && escapeBytes(overlay.upperBytes),
    work: overlay.workBytes && escapeBytes(overlay.workBytes),
    options: [
      ...(overlay.readOnly ? ['read-only'] : []),
      ...(overlay.userxattr ? ['userxattr'] : []),
      ...overlay.options.map(escapeText),
    ],
  });
}

/** What the options of the filesystem say is in fields of its own. */
function object(overlay: OverlayMount): string {
  const { target, targetBytes, source, sourceBytes, rootBytes, ...more } = overlay;
  const { lowerBytes, dataLowerBytes, upperBytes, workBytes, ...others } = more;
  const { filesystemType: _, superOptions: __, superOptionsBytes: ___, ...rest } = others;
  return jsonLine({
    target,
    targetBase64: base64Of(targetBytes),
    source,
    sourceBase64: base64Of(sourceBytes),
    ...rest,
    rootBase64: base64Of(rootBytes),
    lowerBase64: base64List(lowerBytes),
    dataLowerBase64: base64List(dataLowerBytes),
    upperBase64: base64Of(upperBytes),
    workBase64: base64Of(workBytes),
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
