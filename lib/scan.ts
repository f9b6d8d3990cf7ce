import type { PathLike } from './arguments.ts';
import { absolutePath, oneOf, optionalSignal, optionsObject } from './arguments.ts';
import type { LayerEntry } from './entries.ts';
import { native } from './native.ts';
import type { ScanHandle } from './native-walks.ts';
import { decodeEntries } from './packed.ts';
import { PulledEntries } from './pull.ts';

export interface ScanOptions {
  /**
   * The namespace that `whiteout`, `opaque`, `redirect`, `metacopy` and `origin` are taken from.
   * `'trusted'` (default) needs CAP_SYS_ADMIN in the initial user namespace.
   */
  readonly xattrs?: 'trusted' | 'user';
  /** `'buffer'`: every entry has `pathBytes`, and every link `targetBytes`. */
  readonly encoding?: 'utf8' | 'buffer';
  readonly signal?: AbortSignal;
}

/** The entries of a layer, iterable once. Leaving the loop frees everything. */
export type LayerEntries = PulledEntries<ScanHandle, LayerEntry>;

/**
 * The raw facts of one layer, in the order of `changes`: every entry with its attributes and marks,
 * the root first, compared with nothing.
 *
 * @throws TypeError for wrong arguments. The iteration rejects with an `OverlayError`: `EPERM` where
 * marks cannot be read, and whatever opening and reading the layer gives.
 */
export function scanLayer(directory: PathLike, options?: ScanOptions): LayerEntries {
  const given = optionsObject(options, 'options', ['xattrs', 'encoding', 'signal']);
  const path = absolutePath(directory, 'directory');
  const space = oneOf(given.xattrs ?? 'trusted', 'options.xattrs', ['trusted', 'user']);
  const encoding = oneOf(given.encoding ?? 'utf8', 'options.encoding', ['utf8', 'buffer']);
  return new PulledEntries<ScanHandle, LayerEntry>(
    {
      open: () => native().openScan(path, space === 'user'),
      next: (walk) => native().nextScan(walk),
      cancel: (walk) => native().cancelScan(walk),
      close: (walk) => native().closeScan(walk),
      decode: (bytes) => decodeEntries(bytes, `${space}.overlay.`, encoding === 'buffer'),
    },
    optionalSignal(given.signal, 'options.signal'),
  );
}
