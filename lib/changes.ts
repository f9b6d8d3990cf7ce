import type { PathLike } from './arguments.ts';
import {
  absolutePath,
  oneOf,
  optionalBoolean,
  optionalSignal,
  optionsObject,
  pathList,
} from './arguments.ts';
import type { Aspect, Change } from './entries.ts';
import { argumentType } from './errors.ts';
import type { ChangesHandle, LayersHandle, Outcome } from './native.ts';
import { native, unwrap } from './native.ts';
import { layersHeldBy } from './opened-layers.ts';
import type { Overlay } from './overlay.ts';
import { aspectOrder, decodeChanges } from './packed.ts';
import { PulledEntries } from './pull.ts';

/** Layers that need not be mounted. */
export interface Layers {
  readonly upper: PathLike;
  /** One lower, or several, the top-most first. */
  readonly lower: PathLike | readonly PathLike[];
  /**
   * The namespace of the marks: `'trusted'` (`trusted.overlay.*`, default), or `'user'` for layers
   * written by a mount with the `userxattr` option (a rootless one).
   */
  readonly xattrs?: 'trusted' | 'user';
}

/**
 * What to compare: an `Overlay` that we mounted, the mount point of any overlay, or layers by name.
 *
 * With a mount point the layers are found in the mount table. A lower that the overlay itself covers
 * (it was mounted in place) is reached in a private copy of the mount namespace, which needs
 * CAP_SYS_ADMIN.
 */
export type ChangesSource = Overlay | PathLike | Layers;

export interface ChangesOptions {
  /**
   * When the bytes of two files of equal size are compared. `'auto'` (default): unless they are
   * certainly equal, being one and the same inode. `'always'`: without exception. `'never'` leaves it
   * open: such a file is reported only if something else differs, with `content: 'unknown'`.
   */
  readonly content?: 'auto' | 'always' | 'never';
  /** Also list what lay below a removed or replaced directory. Default: one entry for the tree. */
  readonly expand?: boolean;
  /** Aspects that do not count; what differs in nothing else is not reported. */
  readonly ignore?: readonly Aspect[];
  /** `'buffer'`: every change has `pathBytes`. */
  readonly encoding?: 'utf8' | 'buffer';
  /** Stops the walk: the iteration rejects with an `AbortError` at once. */
  readonly signal?: AbortSignal;
}

/** A list of changes, iterable once. Leaving the loop frees everything. */
export type Changes = PulledEntries<ChangesHandle, Change>;

const contentModes = ['auto', 'always', 'never'] as const;
const encodings = ['utf8', 'buffer'] as const;
const known = ['content', 'expand', 'ignore', 'encoding', 'signal'];

function ignoredBits(value: unknown): number {
  if (value === undefined) {
    return 0;
  }
  if (!Array.isArray(value)) {
    throw argumentType('options.ignore', 'an array', value);
  }
  return Array.from(value)
    .map(
      (aspect, i) => 1 << aspectOrder.indexOf(oneOf(aspect, `options.ignore[${i}]`, aspectOrder)),
    )
    .reduce((bits, bit) => bits | bit, 0);
}

type OpenLayers = () => Promise<Outcome<LayersHandle>>;

/** How the layers of a source are opened, and whether they are to be closed again. */
function layersOf(source: unknown): { open: OpenLayers; own: boolean } {
  const held = layersHeldBy(source);
  if (held !== undefined) {
    const layers = held();
    return { open: () => Promise.resolve({ value: layers }), own: false };
  }
  if (typeof source === 'string' || Buffer.isBuffer(source) || source instanceof URL) {
    const target = absolutePath(source, 'source');
    return { open: () => native().openMountLayers(target), own: true };
  }
  if (typeof source !== 'object' || source === null) {
    throw argumentType('source', 'an Overlay, a mount point or an object with the layers', source);
  }
  const given = optionsObject(source, 'source', ['upper', 'lower', 'xattrs']);
  const upper = absolutePath(given.upper, 'source.upper');
  const lower = pathList(given.lower, 'source.lower');
  const space = oneOf(given.xattrs ?? 'trusted', 'source.xattrs', ['trusted', 'user']);
  return { open: () => native().openLayers(upper, lower, space === 'user'), own: true };
}

/**
 * Everything an upper changes, in order: parents before their children, names compared as bytes,
 * component by component. Nothing is read before the first entry is asked for.
 *
 * The list is exact: applied to the lowers it gives the overlay. A file that was copied up and is no
 * different, and a whiteout that hides nothing, are no changes. See `Aspect` for what counts.
 *
 * @throws TypeError for wrong arguments. The iteration rejects with an `OverlayError`: `EPERM` where
 * the marks of the layers cannot be read, `ENOTSUP` for marks that cannot be resolved, and whatever
 * opening and reading the layers gives.
 */
export function changes(source: ChangesSource, options?: ChangesOptions): Changes {
  const given = optionsObject(options, 'options', known);
  const content = contentModes.indexOf(
    oneOf(given.content ?? 'auto', 'options.content', contentModes),
  );
  const expand = optionalBoolean(given.expand, 'options.expand') ?? false;
  const ignore = ignoredBits(given.ignore);
  const withBytes = oneOf(given.encoding ?? 'utf8', 'options.encoding', encodings) === 'buffer';
  const signal = optionalSignal(given.signal, 'options.signal');
  const { open, own } = layersOf(source);
  return new PulledEntries<ChangesHandle, Change>(
    {
      async open() {
        const layers = await open();
        if ('failure' in layers) {
          return layers;
        }
        const walk = await native().openChanges(layers.value, content, ignore, expand);
        if (own) {
          unwrap(await native().closeLayers(layers.value, false)); // the walk has its own descriptors
        }
        return walk;
      },
      next: (walk) => native().nextChanges(walk),
      cancel: (walk) => native().cancelChanges(walk),
      close: (walk) => native().closeChanges(walk),
      decode: (bytes) => decodeChanges(bytes, withBytes),
    },
    signal,
  );
}
