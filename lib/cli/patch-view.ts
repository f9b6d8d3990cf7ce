/** A patch, for a terminal or for a program. */
import type { PatchPart } from '../patch.ts';
import type { Paint } from './colour.ts';
import { isPlain } from './colour.ts';
import { escapeBytes } from './escape.ts';
import { complain } from './messages.ts';
import { sizeText } from './sizes.ts';

type Style = Parameters<Paint>[0];

const newline = 0x0a;

/** Of a line in hunks by its first character, of one before them by its first word. */
function styleOf(line: string, inHunks: boolean): Style | undefined {
  if (!inHunks) {
    return line.startsWith('#') ? 'dim' : 'bold';
  }
  const styles: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'cyan' };
  return styles[line.charAt(0)];
}

function* linesOf(text: Buffer): Generator<Buffer> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(newline, at);
    yield text.subarray(at, end);
    at = end + 1;
  }
}

/** A tab is harmless and the backslash no escape of ours: the lines are those of files. */
function harmless(line: Buffer): string {
  return escapeBytes(line).replace(/\\([\\t])/g, (_, which) => (which === 't' ? '\t' : '\\'));
}

export interface PatchForm {
  /** The text goes to a terminal: control characters in it would be obeyed. */
  readonly terminal: boolean;
  readonly paint: Paint;
}

export function patchText(part: PatchPart, { terminal, paint }: PatchForm): Buffer | string {
  if (!terminal && isPlain(paint)) {
    return part.text;
  }
  let inHunks = false;
  const lines: Buffer[] = [];
  for (const line of linesOf(part.text)) {
    const start = line.toString('latin1', 0, 11);
    inHunks = start.startsWith('@@ ') || (inHunks && !start.startsWith('diff --git '));
    const style = styleOf(start, inHunks);
    const text = terminal ? harmless(line) : line.toString('latin1');
    const painted = style === undefined ? text : paint(style, text);
    lines.push(Buffer.from(`${painted}\n`, terminal ? 'utf8' : 'latin1'));
  }
  return Buffer.concat(lines);
}

/** That a patch does not have all of a text is said aside, since its form has no room for it. */
export function complainOfSize({ change, form }: PatchPart, maxSize: number): void {
  if (form === 'large') {
    complain(`${change.path} is above ${sizeText(maxSize)} and shown as binary (--max-patch-size)`);
  }
}
