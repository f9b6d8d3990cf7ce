/** Names as people see them: nothing in a name may forge a line or reach the terminal. */
import { isUtf8 } from 'node:buffer';

const short: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  // `\x` is a byte and `\u` a character: what was escaped can be told apart.
  const number =
    code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u00${code.toString(16)}`;
  return short[character] ?? number;
}

/** Control characters (C0, DEL and C1) and the backslash. */
export function escapeText(text: string): string {
  return text.replace(/[\p{Cc}\\]/gu, escapeCharacter);
}

/** How many bytes the character that starts with this one has. */
function lengthOf(lead: number): number {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** The same of bytes; each that belongs to no character is escaped. */
export function escapeBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) {
    return escapeText(bytes.toString());
  }
  let out = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes.readUInt8(at);
    const character = bytes.subarray(at, at + lengthOf(lead));
    if (isUtf8(character)) {
      out += escapeText(character.toString());
      at += character.length;
    } else {
      out += `\\x${lead.toString(16)}`;
      at += 1;
    }
  }
  return out;
}

/** A name that comes as text, and as bytes where the text is not all. */
export function escapeName(text: string, bytes: Buffer | undefined): string {
  return bytes === undefined ? escapeText(text) : escapeBytes(bytes);
}
