import { mountOverlay } from '../mount-overlay.ts';
import type { AttachedOverlay } from '../overlay.ts';
import { escapeBytes } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { base64List, base64Of, jsonLine } from './json.ts';
import { complain } from './messages.ts';
import { mountOptionsOf, mountOptionTable } from './mount-options.ts';
import { onlyArgument, parseWords } from './options.ts';
import type { Output } from './output.ts';
import { overlayText } from './overlay-text.ts';
import type { Word } from './words.ts';

function described(overlay: AttachedOverlay): string {
  const { pathBytes, lowerBytes, dataLowerBytes, upperBytes, workBytes, userxattr } = overlay;
  return overlayText({
    target: escapeBytes(pathBytes),
    lower: lowerBytes.map(escapeBytes),
    dataLower: dataLowerBytes.map(escapeBytes),
    upper: upperBytes && escapeBytes(upperBytes),
    work: workBytes && escapeBytes(workBytes),
    options: [
      ...(overlay.writable ? [] : ['read-only']),
      ...(overlay.writable && upperBytes === undefined ? ['upper in memory'] : []),
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
    dataLower: overlay.dataLower,
    dataLowerBase64: base64List(overlay.dataLowerBytes),
    upper: overlay.upper,
    upperBase64: base64Of(overlay.upperBytes),
    work: overlay.work,
    workBase64: base64Of(overlay.workBytes),
    writable: overlay.writable,
    userxattr: overlay.userxattr,
    interface: overlay.interface,
    warnings: overlay.warnings,
  });
}

export async function mount(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, {
    ...mountOptionTable,
    json: { type: 'boolean' },
  });
  const target = onlyArgument(positionals, 'TARGET');
  const overlay = await mountOverlay({ ...mountOptionsOf(values), target });
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
