/** Uppers that end with their overlay. */
import { accessSync, constants, statfsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import type { PathLike } from './arguments.ts';
import { absolutePath, integer, oneOf, optionsObject } from './arguments.ts';
import type { NativeUpper } from './native-mounts.ts';

/** An upper that is removed when the overlay is closed. It is always mounted `volatile`. */
export type EphemeralUpper =
  | {
      /** In memory (and swap). */
      readonly type: 'tmpfs';
      /** In bytes, rounded up to pages. Default: the kernel's, half of the memory. */
      readonly size?: number;
      /** How many files and directories. Default: the kernel's, by the size of the memory. */
      readonly inodes?: number;
    }
  | {
      /** A new directory; it stays if the process ends without `close()`. */
      readonly type: 'directory';
      /**
       * In which directory. Default: the first of the temporary directory, /var/tmp and the home
       * directory that can be written and does not lie on an overlay.
       */
      readonly parent?: PathLike;
    };

const kinds = { tmpfs: 2, directory: 3 } as const;
const overlayMagic = 0x794c7630;

export function isEphemeral(value: unknown): boolean {
  return value === 'tmpfs' || (typeof value === 'object' && value !== null && 'type' in value);
}

/** Whether it may hold an upper; if it turns out that it cannot, mounting says why. */
function suits(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return statfsSync(directory).type !== overlayMagic;
  } catch {
    return false; // missing, or not for us
  }
}

function defaultParent(): Buffer {
  const found = [tmpdir(), '/var/tmp', homedir()].find(suits);
  return absolutePath(found ?? tmpdir(), 'options.upper.parent');
}

export function ephemeralUpper(value: unknown, name: string): NativeUpper {
  const given = optionsObject(value === 'tmpfs' ? { type: value } : value, name, [
    ...['type', 'size', 'inodes', 'parent'],
  ]);
  const type = oneOf(given.type, `${name}.type`, ['tmpfs', 'directory']);
  if (type === 'tmpfs') {
    const { size, inodes } = optionsObject(given, name, ['type', 'size', 'inodes']);
    return {
      kind: kinds.tmpfs,
      path: defaultParent(), // mount(2) needs a name for it, for a moment
      size: size === undefined ? 0 : integer(size, `${name}.size`, 1, Number.MAX_SAFE_INTEGER),
      inodes: inodes === undefined ? 0 : integer(inodes, `${name}.inodes`, 1, 2 ** 31),
      init: false,
    };
  }
  const { parent } = optionsObject(given, name, ['type', 'parent']);
  return {
    kind: kinds.directory,
    path: parent === undefined ? defaultParent() : absolutePath(parent, `${name}.parent`),
    size: 0,
    inodes: 0,
    init: false,
  };
}
