/** One object a line. Texts that are no UTF-8 are lossy and have `<key>Base64` beside them. */
import { isUtf8 } from 'node:buffer';

/** Undefined values are left out; 64-bit numbers become texts, since JSON readers would round them. */
export function jsonLine(value: Readonly<Record<string, unknown>>): string {
  const exact = (_: string, item: unknown): unknown =>
    typeof item === 'bigint' ? item.toString() : item;
  return `${JSON.stringify(value, exact)}\n`;
}

/** `bytes` in Base64 where their text is lossy. */
export function base64Of(bytes: Buffer | undefined): string | undefined {
  return bytes === undefined || isUtf8(bytes) ? undefined : bytes.toString('base64');
}

/** All of a list, in its order, where the text of one of them is lossy. */
export function base64List(list: readonly Buffer[]): string[] | undefined {
  return list.every((bytes) => isUtf8(bytes))
    ? undefined
    : list.map((bytes) => bytes.toString('base64'));
}
