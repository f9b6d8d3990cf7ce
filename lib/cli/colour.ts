/** Colours, on a terminal. */
import { styleText } from 'node:util';
import type { ChangeKind } from '../entries.ts';

type Style = Parameters<typeof styleText>[0];

export type Paint = (style: Style, text: string) => string;

const plain: Paint = (_, text) => text;
const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false });

export function isPlain(paint: Paint): boolean {
  return paint === plain;
}

export const kindStyles: Readonly<Record<ChangeKind, Style>> = {
  added: 'green',
  modified: 'yellow',
  deleted: 'red',
};

export const colourModes = ['auto', 'always', 'never'] as const;

/**
 * `auto`: as the stream is. FORCE_COLOR asks for colours anywhere (but for `0` and `false`), NO_COLOR for
 * none; either counts only where it is not empty. The first is the stronger, as it is for Node.
 */
export function paintFor(
  mode: (typeof colourModes)[number],
  stream: { readonly isTTY?: boolean },
  { FORCE_COLOR: force, NO_COLOR: none, TERM: terminal }: NodeJS.ProcessEnv,
): Paint {
  if (mode !== 'auto') {
    return mode === 'always' ? coloured : plain;
  }
  if (force) {
    return force === '0' || force === 'false' ? plain : coloured;
  }
  return !none && stream.isTTY && terminal !== 'dumb' ? coloured : plain;
}
