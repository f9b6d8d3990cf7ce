/** The forms in which an entry of a layer is printed. */
import type { FileType, LayerEntry } from '../entries.ts';
import { escapeName, escapeText } from './escape.ts';
import { base64Of, jsonLine } from './json.ts';

/** The letters of `ls -l`. */
const letters: Readonly<Record<FileType, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  'character-device': 'c',
  'block-device': 'b',
};

/** What overlayfs will make of it. */
function facts({ whiteout, opaque, redirect, metacopy, origin }: LayerEntry): string {
  return [
    ...(whiteout === undefined ? [] : [`whiteout ${whiteout}`]),
    ...(opaque === undefined ? [] : [`opaque ${opaque}`]),
    ...(redirect === undefined ? [] : [`redirect ${escapeText(redirect)}`]),
    ...(metacopy ? ['metacopy'] : []),
    ...(origin ? ['origin'] : []),
  ].join(', ');
}

/** Type and mode, owner, size or device number, and the name. */
export function entryLine(entry: LayerEntry): string {
  const { type, device, target } = entry;
  const mode = `${letters[type]}${entry.mode.toString(8).padStart(4, '0')}`;
  const size = device === undefined ? entry.size : `${device.major},${device.minor}`;
  const name = escapeName(entry.path, entry.pathBytes);
  const arrow = target === undefined ? '' : ` -> ${escapeName(target, entry.targetBytes)}`;
  const said = facts(entry);
  const more = said === '' ? '' : `  [${said}]`;
  return `${mode}  ${entry.uid}:${entry.gid}  ${size}  ${name}${arrow}${more}\n`;
}

export function entryObject(entry: LayerEntry, xattrs: 'trusted' | 'user'): string {
  const { path, pathBytes, type, targetBytes, marks, ...rest } = entry;
  const redirect = marks.find(({ name }) => name === `${xattrs}.overlay.redirect`);
  return jsonLine({
    path,
    pathBase64: base64Of(pathBytes),
    type,
    ...rest,
    targetBase64: base64Of(targetBytes),
    redirectBase64: base64Of(redirect?.value),
    marks: marks.map(({ name, value }) => ({ name, value: value.toString('base64') })),
  });
}
