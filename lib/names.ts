import { isUtf8 } from 'node:buffer';

/** A name in both forms: text for people and the bytes, which alone are certain to be right. */
export interface Name {
  readonly text: string;
  /** Present where it was asked for, and always where the name is not UTF-8. */
  readonly bytes: Buffer | undefined;
}

/** Copies: a view would keep the whole batch it was cut from alive. */
export function nameOf(bytes: Buffer, always: boolean): Name {
  const keep = always || !isUtf8(bytes);
  return { text: bytes.toString(), bytes: keep ? Buffer.from(bytes) : undefined };
}
