/** The forms in which a change is printed. */
import type { Change, ChangeKind } from '../entries.ts';
import { escapeName } from './escape.ts';
import { base64Of, jsonLine } from './json.ts';

export interface ChangeForm {
  readonly json: boolean;
  /** With NUL instead of newlines. */
  readonly ended: boolean;
  readonly nameStatus: boolean;
}

const letters: Readonly<Record<ChangeKind, string>> = { added: 'A', modified: 'M', deleted: 'D' };

function object(change: Change): string {
  const { kind, path, pathBytes, type, previousType, aspects, content } = change;
  const pathBase64 = base64Of(pathBytes);
  return jsonLine({ kind, path, pathBase64, type, previousType, aspects, content });
}

/** What stands in brackets: a type other than `file`, and what was touched. */
function details({ type, previousType, aspects, content }: Change): string {
  if (previousType !== undefined) {
    return `${previousType} -> ${type}`;
  }
  const touched = [...aspects, ...(content === undefined ? [] : ['content unknown'])].join(', ');
  return [...(type === 'file' ? [] : [type]), ...(touched === '' ? [] : [touched])].join(': ');
}

function line(change: Change): string {
  const name = `${letters[change.kind]}  ${escapeName(change.path, change.pathBytes)}`;
  const more = details(change);
  return more === '' ? `${name}\n` : `${name}  [${more}]\n`;
}

function nameStatusLine({ kind, path, pathBytes }: Change): string {
  return `${letters[kind]}\t${escapeName(path, pathBytes)}\n`;
}

/** The path as it is, ended by NUL, after the letter if it is wanted. */
function ended({ kind, path, pathBytes }: Change, nameStatus: boolean): string | Buffer {
  const letter = nameStatus ? `${letters[kind]}\0` : '';
  return pathBytes === undefined
    ? `${letter}${path}\0`
    : Buffer.concat([Buffer.from(letter), pathBytes, Buffer.of(0)]);
}

export function changePrinter(form: ChangeForm): (change: Change) => string | Buffer {
  if (form.ended) {
    return (change) => ended(change, form.nameStatus);
  }
  return form.json ? object : form.nameStatus ? nameStatusLine : line;
}
