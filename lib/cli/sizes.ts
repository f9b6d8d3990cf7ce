/** Sizes in bytes, as people write and read them: a K is 1024. */
import { UsageError } from './command-errors.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const units = ['', 'K', 'M', 'G', 'T'];

export function sizeOf(word: Word, option: string): number {
  const [, number = '', unit = ''] = /^(\d+)([KMG]?)$/.exec(word) ?? [];
  const size = Number(number) * 1024 ** units.indexOf(unit);
  if (number === '' || !Number.isSafeInteger(size)) {
    throw new UsageError(
      `${option} must be a whole number of bytes, or one with K, M or G (500M), but is '${textOf(word)}'`,
    );
  }
  return size;
}

/** `0`, `999B`, `1.2K`, `34M`: two digits at least, as with ls -h. */
export function sizeText(bytes: number): string {
  let size = bytes;
  let power = 0;
  while (size >= 1024 && power < units.length - 1) {
    size /= 1024;
    power++;
  }
  const digits = power > 0 && size < 10 ? 1 : 0;
  return bytes === 0 ? '0' : `${size.toFixed(digits)}${units[power] || 'B'}`;
}
