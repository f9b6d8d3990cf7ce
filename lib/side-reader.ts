/** Adds to the changes of a list what is there on both sides. */
import type { Change } from './entries.ts';
import { native, unwrap } from './native.ts';
import type { LayersHandle } from './native-mounts.ts';
import type { Outcome } from './native-outcome.ts';
import type { SidesHandle } from './native-walks.ts';
import { PackedSides } from './packed-stat.ts';

/** What is read of these is decoded in one go: two milliseconds. */
const atOnce = 512;

/** Each path behind its length. */
function packed(changes: readonly Change[]): Buffer {
  const pieces = changes.flatMap(({ path, pathBytes }) => {
    const bytes = pathBytes ?? Buffer.from(path);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    return [size, bytes];
  });
  return Buffer.concat(pieces);
}

export interface SideReaderOptions {
  /** Go on where the marks cannot be read. */
  readonly unread: boolean;
  readonly withBytes: boolean;
}

export class SideReader {
  readonly #options: SideReaderOptions;
  #sides: SidesHandle | undefined;

  constructor(options: SideReaderOptions) {
    this.#options = options;
  }

  /** While the layers are open. */
  async open(layers: LayersHandle): Promise<Outcome<undefined>> {
    const sides = await native().openSides(layers, this.#options.unread);
    if ('failure' in sides) {
      return sides;
    }
    this.#sides = sides.value;
    return { value: undefined };
  }

  /** The same changes, with their sides. */
  async read(changes: readonly Change[]): Promise<Change[]> {
    const out: Change[] = [];
    for (let at = 0; at < changes.length; at += atOnce) {
      for (let paths = packed(changes.slice(at, at + atOnce)); paths.length > 0; ) {
        if (this.#sides === undefined) {
          return []; // closed meanwhile: nobody will ask for them
        }
        const read = unwrap(await native().readSides(this.#sides, paths));
        const facts = new PackedSides(read.bytes, this.#options.withBytes);
        while (!facts.ended) {
          out.push({ ...(changes[out.length] as Change), ...facts.next() });
        }
        paths = paths.subarray(read.read);
      }
    }
    return out;
  }

  /** The content of one side; undefined where it has to be opened in another way. */
  content(path: Buffer, after: boolean): Promise<Outcome<number>> | undefined {
    // Where marks may be unread, whoever opens the layers has to look whether they can be.
    return this.#sides && !this.#options.unread
      ? native().openSideOf(this.#sides, path, after)
      : undefined;
  }

  async close(): Promise<void> {
    const sides = this.#sides;
    this.#sides = undefined;
    if (sides !== undefined) {
      await native().closeSides(sides);
    }
  }
}
