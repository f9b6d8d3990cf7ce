import type { PathLike } from './arguments.ts';
import { absolutePath, oneOf, optionsObject, pathList } from './arguments.ts';
import { argumentType } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { LayersHandle } from './native-mounts.ts';
import type { Outcome } from './native-outcome.ts';
import { layersHeldBy } from './opened-layers.ts';
import type { Overlay } from './overlay.ts';

/** Layers that need not be mounted. */
export interface Layers {
  readonly upper: PathLike;
  /** One lower, or several, the top-most first. */
  readonly lower: PathLike | readonly PathLike[];
  /** Lowers that hold nothing but data of metacopy files (`datadir+`, or after `::`). */
  readonly dataLower?: PathLike | readonly PathLike[];
  /**
   * The work directory. It is needed where a mount had the option `index` or `nfs_export`: its index
   * knows every hard link that was changed. If it holds no index the marks in the upper have to do,
   * which do not tell of a changed file of which the upper has no name left.
   */
  readonly work?: PathLike;
  /**
   * The namespace of the marks: `'trusted'` (`trusted.overlay.*`), or `'user'` for layers written by
   * a mount with the `userxattr` option (a rootless one). Default: whichever the layers have; if they
   * have both it is an error that asks for a decision.
   */
  readonly xattrs?: 'trusted' | 'user';
}

/** Two directories that are no layers of an overlay: what `after` has that `before` has not. */
export interface Directories {
  readonly before: PathLike;
  readonly after: PathLike;
}

/**
 * What to compare: an `Overlay` that we mounted, the mount point of any overlay, layers by name, or
 * two plain directories.
 *
 * With a mount point the layers are found in the mount table, and the mount's own options say how
 * they are to be read. A lower that the overlay itself covers (it was mounted in place) is reached in
 * a private copy of the mount namespace, which needs CAP_SYS_ADMIN.
 */
export type ChangesSource = Overlay | PathLike | Layers | Directories;

/**
 * How the changes are found out. `'upper-walk'`: by reading the upper, and of the lowers only what it
 * touches. `'double-walk'`: by reading two whole trees.
 */
export type ChangesMethod = 'upper-walk' | 'double-walk';

/** A source, checked; nothing is opened yet. */
export interface OpenableSource {
  readonly method: ChangesMethod;
  /** It is an overlay that is mounted, and known to be. */
  readonly mounted: boolean;
  /** Calls back with the layers, and closes them afterwards if they are not the overlay's own. */
  with<T>(use: (layers: LayersHandle) => Promise<Outcome<T>>): Promise<Outcome<T>>;
}

const spaces = ['undecided', 'trusted', 'user'] as const;

function opened(
  method: ChangesMethod,
  mounted: boolean,
  open: () => Promise<Outcome<LayersHandle>>,
): OpenableSource {
  return {
    method,
    mounted,
    async with(use) {
      const layers = await open();
      if ('failure' in layers) {
        return layers;
      }
      const result = await use(layers.value);
      unwrap(await native().closeLayers(layers.value, false)); // a walk has its own descriptors
      return result;
    },
  };
}

function noneOrMore(value: unknown, name: string): readonly Buffer[] {
  const none = value === undefined || (Array.isArray(value) && value.length === 0);
  return none ? [] : pathList(value, name);
}

function namedLayers(source: object): OpenableSource {
  const known = ['upper', 'lower', 'dataLower', 'work', 'xattrs'];
  const given = optionsObject(source, 'source', known);
  const spec = {
    upper: absolutePath(given.upper, 'source.upper'),
    lower: pathList(given.lower, 'source.lower'),
    dataLower: noneOrMore(given.dataLower, 'source.dataLower'),
    work: given.work === undefined ? null : absolutePath(given.work, 'source.work'),
    marks: spaces.indexOf(
      given.xattrs === undefined
        ? 'undecided'
        : oneOf(given.xattrs, 'source.xattrs', ['trusted', 'user']),
    ),
  };
  return opened('upper-walk', false, () => native().openLayers(spec));
}

function directories(source: object): OpenableSource {
  const given = optionsObject(source, 'source', ['before', 'after']);
  const before = absolutePath(given.before, 'source.before');
  const after = absolutePath(given.after, 'source.after');
  return opened('double-walk', false, () => native().openPlain(before, after));
}

/** @throws TypeError for what is no source. */
export function openableSource(source: unknown): OpenableSource {
  const held = layersHeldBy(source);
  if (held !== undefined) {
    const layers = held();
    return { method: 'upper-walk', mounted: true, with: (use) => use(layers) };
  }
  if (typeof source === 'string' || Buffer.isBuffer(source) || source instanceof URL) {
    const target = absolutePath(source, 'source');
    return opened('upper-walk', true, () => native().openMountLayers(target));
  }
  if (typeof source !== 'object' || source === null) {
    throw argumentType('source', 'an Overlay, a mount point or an object with the layers', source);
  }
  return 'before' in source || 'after' in source ? directories(source) : namedLayers(source);
}
