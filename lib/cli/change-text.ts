/** The forms in which a change is printed. */
import type { Change, ChangeKind } from '../entries.ts';
import type { Paint } from './colour.ts';
import { kindStyles } from './colour.ts';
import { escapeName } from './escape.ts';
import { base64Of, jsonLine } from './json.ts';

export interface ChangeForm {
  readonly json: boolean;
  /** With NUL instead of newlines. */
  readonly ended: boolean;
  readonly nameStatus: boolean;
  readonly paint: Paint;
}

export const kindLetters: Readonly<Record<ChangeKind, string>> = {
  added: 'A',
  modified: 'M',
  deleted: 'D',
};

/** `more` follows what says what the change is. */
export function changeObject(change: Change, more: Readonly<Record<string, unknown>> = {}): string {
  const { kind, path, pathBytes, type, previousType, aspects, content, unknown } = change;
  const { renamedFrom, renamedFromBytes } = change;
  const pathBase64 = base64Of(pathBytes);
  const renamedFromBase64 = base64Of(renamedFromBytes);
  const renamed = { renamedFrom, renamedFromBase64 };
  return jsonLine({
    kind,
    path,
    pathBase64,
    type,
    previousType,
    aspects,
    content,
    unknown,
    ...renamed,
    ...more,
  });
}

/** What stands in brackets: a type other than `file`, and what was touched. */
export function changeDetails({ type, previousType, aspects, content, unknown }: Change): string {
  const doubts = [
    ...(content === undefined ? [] : ['content unknown']),
    ...(unknown === undefined ? [] : ['marks unknown']),
  ];
  if (previousType !== undefined) {
    return [`${previousType} -> ${type}`, ...doubts].join(': ');
  }
  const touched = [...aspects, ...doubts].join(', ');
  return [...(type === 'file' ? [] : [type]), ...(touched === '' ? [] : [touched])].join(': ');
}

export function renamedText({ renamedFrom, renamedFromBytes }: Change, paint: Paint): string {
  return renamedFrom === undefined
    ? ''
    : paint('cyan', `  (from ${escapeName(renamedFrom, renamedFromBytes)})`);
}

export function letterOf(kind: ChangeKind, paint: Paint): string {
  return paint(kindStyles[kind], kindLetters[kind]);
}

export function changeLine(change: Change, paint: Paint): string {
  const { kind, path, pathBytes, previousType } = change;
  const name = `${letterOf(kind, paint)}  ${escapeName(path, pathBytes)}`;
  const more = changeDetails(change);
  const style = previousType === undefined ? 'dim' : 'cyan';
  const bracket = more === '' ? '' : paint(style, `  [${more}]`);
  return `${name}${renamedText(change, paint)}${bracket}\n`;
}

function nameStatusLine({ kind, path, pathBytes }: Change): string {
  return `${kindLetters[kind]}\t${escapeName(path, pathBytes)}\n`;
}

/** The path as it is, ended by NUL, after the letter if it is wanted. */
function ended({ kind, path, pathBytes }: Change, nameStatus: boolean): string | Buffer {
  const letter = nameStatus ? `${kindLetters[kind]}\0` : '';
  return pathBytes === undefined
    ? `${letter}${path}\0`
    : Buffer.concat([Buffer.from(letter), pathBytes, Buffer.of(0)]);
}

export function changePrinter(form: ChangeForm): (change: Change) => string | Buffer {
  if (form.ended) {
    return (change) => ended(change, form.nameStatus);
  }
  const human = (change: Change): string => changeLine(change, form.paint);
  return form.json ? (change) => changeObject(change) : form.nameStatus ? nameStatusLine : human;
}
