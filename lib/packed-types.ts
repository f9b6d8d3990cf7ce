import type { FileType } from './entries.ts';

/** By the code that native/binding/packed.cc has for them. */
const types: readonly (FileType | undefined)[] = [
  undefined,
  'file',
  'directory',
  'symlink',
  'fifo',
  'socket',
  'character-device',
  'block-device',
];

export function typeOf(code: number): FileType {
  const type = types[code];
  if (type === undefined) {
    throw new Error(`the native walk gave the unknown file type ${code}`);
  }
  return type;
}
