/** What `mountOverlay` can be asked for, and how it is checked. */
import type { PathLike } from './arguments.ts';
import {
  absolutePath,
  descriptor,
  integer,
  optionalBoolean,
  optionalOneOf,
  optionList,
  optionsObject,
} from './arguments.ts';
import type { EphemeralUpper } from './ephemeral-upper.ts';
import { ephemeralUpper, isEphemeral } from './ephemeral-upper.ts';
import { argumentType, argumentValue } from './errors.ts';
import type { MountAttributes, MountInterface, Propagation } from './mount-attributes.ts';
import { attributeChange, attributeNames, mountInterface } from './mount-attributes.ts';
import type { NativeIdRange, NativeLayer, NativeSpec, NativeUpper } from './native-mounts.ts';
import { mountHeldBy } from './opened-layers.ts';
import type { Overlay } from './overlay.ts';

/** `count` ids from `from` on in the layer are seen as those from `to` on. */
export interface IdRange {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Which owners a layer's files seem to have; an owner outside of every range is nobody's. */
export interface IdMap {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

/** A layer that is more than a path. */
export type LayerOptions =
  | {
      readonly path: PathLike;
      /**
       * The layer's owners as seen through the overlay, by an idmapped mount. Linux 5.19, ext4, xfs,
       * btrfs, tmpfs (6.3) and others; needs CAP_SYS_ADMIN in the initial user namespace.
       */
      readonly idmap?: IdMap;
      readonly fd?: never;
    }
  | {
      /**
       * An open directory, or the root of a detached mount (`syscalls.openTree`). It is copied and can
       * be closed as soon as the overlay is mounted.
       */
      readonly fd: number;
      readonly path?: never;
      readonly idmap?: never;
    };

/** A directory by name, one that is open, or another overlay (the kernel stacks two). */
export type Layer = PathLike | LayerOptions | Overlay;

/**
 * How to mount. The names of the kernel's options are those of its documentation (overlayfs.rst), in
 * camel case; docs/mounting.md has them in a table, with defaults and what excludes what.
 */
export interface MountOptions extends MountAttributes {
  /** One lower layer, or several (the kernel takes 500), the top-most first. */
  readonly lower: Layer | readonly Layer[];
  /** Layers that hold only the data of metacopy files. Linux 6.5 (6.8 by the newer interface). */
  readonly dataLower?: Layer | readonly Layer[];
  /**
   * Where changes land: a directory, which is created if it is missing, with the attributes of the
   * top-most lower. Or something that ends with the overlay: `'tmpfs'`, or an `EphemeralUpper` with a
   * size or another place (a directory of that name is `./tmpfs`). Without it the overlay is read-only
   * and needs at least two lowers.
   */
  readonly upper?: PathLike | 'tmpfs' | EphemeralUpper;
  /**
   * The kernel's scratch directory, on the same mount as `upper`. Default: `<upper>.work`. Created if
   * it is missing. Never share it, nor the upper, between two mounts.
   */
  readonly work?: PathLike;
  /** Give an upper that exists already the attributes of the top-most lower. Default: only a new one. */
  readonly initUpper?: boolean;
  /**
   * The mount point, an existing directory. It may be one of the lowers: a mount in place. Without it
   * the overlay is detached: reachable through this object only, and gone when it is closed or the
   * process ends. An ordinary user can have only that.
   */
  readonly target?: PathLike;
  /** Mount below what is mounted on the target now, which then hides it until it is unmounted. Linux 6.5. */
  readonly beneath?: boolean;
  /**
   * Keep overlayfs's marks in `user.*` attributes instead of `trusted.*`. Default: only where
   * `trusted.*` cannot be written, which is everywhere but with CAP_SYS_ADMIN in the initial user
   * namespace. Layers written one way must be mounted and read that way again. Linux 5.11.
   */
  readonly userxattr?: boolean;
  /**
   * `'on'`: directories of a lower can be renamed (the upper records from where). `'follow'`: renames
   * that an upper has are shown, none are made, and rename(2) says EXDEV, as tools expect it.
   * `'nofollow'`: neither. Default: `'follow'`; `'on'` with `metacopy`; `'nofollow'` with `userxattr`,
   * which knows nothing else. Linux 4.10.
   */
  readonly redirectDir?: 'on' | 'follow' | 'nofollow';
  /**
   * Keep hard links together when one of their names is changed, and tie the upper to its lower for
   * good (another lower is ESTALE from then on). Default: false. Linux 4.13.
   */
  readonly index?: boolean;
  /** Copy up attributes without the data where only those change. Default: false. Linux 4.19. */
  readonly metacopy?: boolean;
  /** Inode numbers that stay unique over layers on several filesystems. Default: `'off'`. Linux 4.17. */
  readonly xino?: 'on' | 'off' | 'auto';
  /** The overlay can be exported by NFS; implies `index`, excludes `metacopy`. Default: false. Linux 4.16. */
  readonly nfsExport?: boolean;
  /** Where the filesystem's UUID comes from. Default: the kernel's, `'auto'`. Linux 6.6. */
  readonly uuid?: 'auto' | 'on' | 'null' | 'off';
  /** Check the fs-verity digests of metacopy data. Default: the kernel's, `'off'`. Linux 6.6. */
  readonly verity?: 'off' | 'on' | 'require';
  /**
   * Sync nothing: faster, and unmounting does not write out the whole filesystem of the upper. After a
   * crash the upper must be thrown away; `close()` syncs once and makes it reusable. Always so of an
   * ephemeral upper. Default: false. Linux 5.10.
   */
  readonly volatile?: boolean;
  /**
   * Use an upper whose volatile mount was not closed properly. Without it that is an error, because
   * after a crash of the system such an upper may be damaged.
   */
  readonly acceptUnclean?: boolean;
  /** Check permissions by mode bits only, not again as the mounter. Linux 4.4. */
  readonly defaultPermissions?: boolean;
  /** Whether the layers are accessed with the mounter's credentials. Default: the kernel's, yes. Linux 6.15. */
  readonly overrideCreds?: boolean;
  /** Any other option, `'key'` or `'key=value'`, as it is. Those above cannot be given here. */
  readonly extraOptions?: readonly (string | Buffer)[];
  /** Whether mounts made below it appear elsewhere too. Default: as for the mount it lies on. */
  readonly propagation?: Propagation;
  /**
   * One `lowerdir=` string in the table of mounts instead of `lowerdir+=` for every layer, for software
   * that reads it back. The newer interface takes 255 bytes of it, mount(2) 4095 of all options.
   */
  readonly lowerdirText?: boolean;
  /**
   * The kernel's interface: `'fsopen'` (fsopen(2), fsconfig(2), …: no limit of length, and reasons for
   * some failures), or `'mount'` (mount(2)). Default: the first, where the kernel really has it for
   * overlayfs (Linux 6.5; layers without limits 6.8, by descriptor 6.13), else the second.
   */
  readonly interface?: MountInterface;
}

const known: readonly string[] = [
  ...['lower', 'dataLower', 'upper', 'work', 'initUpper', 'target', 'beneath', 'userxattr'],
  ...['redirectDir', 'index', 'metacopy', 'xino', 'nfsExport', 'uuid', 'verity', 'volatile'],
  ...['acceptUnclean', 'defaultPermissions', 'overrideCreds', 'extraOptions', 'lowerdirText'],
  ...['interface', 'propagation', ...attributeNames],
];

function idRanges(value: unknown, name: string): readonly NativeIdRange[] {
  if (!Array.isArray(value)) {
    throw argumentType(name, 'an array', value);
  }
  if (value.length === 0) {
    throw argumentValue(name, 'must have at least one range');
  }
  return Array.from(value, (item, i) => {
    const range = optionsObject(item, `${name}[${i}]`, ['from', 'to', 'count']);
    return {
      from: integer(range.from, `${name}[${i}].from`, 0, 0xffff_fffe),
      to: integer(range.to, `${name}[${i}].to`, 0, 0xffff_fffe),
      count: integer(range.count, `${name}[${i}].count`, 1, 0xffff_ffff),
    };
  });
}

function layerOf(value: unknown, name: string): NativeLayer {
  const none = { path: null, fd: null, mount: null, idmap: null };
  const held = mountHeldBy(value);
  if (held !== undefined) {
    const { path, mount } = held();
    return path === undefined ? { ...none, mount } : { ...none, path };
  }
  const plain = typeof value === 'string' || Buffer.isBuffer(value) || value instanceof URL;
  if (plain || typeof value !== 'object' || value === null) {
    return { ...none, path: absolutePath(value, name) };
  }
  if ('fd' in value) {
    const given = optionsObject(value, name, ['fd']);
    return { ...none, fd: descriptor(given.fd, `${name}.fd`) };
  }
  if (!('path' in value)) {
    throw argumentType(name, 'a path, an object with `path` or `fd`, or an Overlay', value);
  }
  const given = optionsObject(value, name, ['path', 'idmap']);
  const path = absolutePath(given.path, `${name}.path`);
  if (given.idmap === undefined) {
    return { ...none, path };
  }
  const idmap = optionsObject(given.idmap, `${name}.idmap`, ['uids', 'gids']);
  return {
    ...none,
    path,
    idmap: {
      uids: idRanges(idmap.uids, `${name}.idmap.uids`),
      gids: idRanges(idmap.gids, `${name}.idmap.gids`),
    },
  };
}

function layerList(value: unknown, name: string): readonly NativeLayer[] {
  if (!Array.isArray(value)) {
    return [layerOf(value, name)];
  }
  if (value.length === 0) {
    throw argumentValue(name, 'must name at least one directory');
  }
  return Array.from(value, (item, i) => layerOf(item, `${name}[${i}]`));
}

function upperOf(value: unknown, init: boolean): NativeUpper {
  const none = { kind: 0, path: null, size: 0, inodes: 0, init };
  if (value === undefined) {
    return none;
  }
  if (isEphemeral(value)) {
    return ephemeralUpper(value, 'options.upper');
  }
  return { ...none, kind: 1, path: absolutePath(value, 'options.upper') };
}

/** A flag of ours as the kernel's `on` and `off`; null leaves it to what we pin. */
function onOff(value: unknown, name: string): 'on' | 'off' | null {
  const given = optionalBoolean(value, name);
  return given === undefined ? null : given ? 'on' : 'off';
}

function checkTogether(spec: NativeSpec, given: Readonly<Record<string, unknown>>): void {
  const { kind } = spec.upper;
  if (given.work !== undefined && kind !== 1) {
    throw argumentValue(
      'options.work',
      kind === 0
        ? 'needs an upper: a read-only overlay has no use for it'
        : 'goes with an upper that is a directory: an ephemeral one brings its own',
    );
  }
  for (const name of ['initUpper', 'acceptUnclean'] as const) {
    if (given[name] === true && kind === 0) {
      throw argumentValue(`options.${name}`, 'needs an upper');
    }
  }
  if (spec.target === null && (spec.beneath || spec.propagation !== 0)) {
    const name = spec.beneath ? 'beneath' : 'propagation';
    throw argumentValue(`options.${name}`, 'needs a target; `attach` has it too');
  }
}

/** @throws TypeError, RangeError for what is no options object of `mountOverlay`. */
export function specOf(options: unknown): NativeSpec {
  if (options === undefined) {
    throw argumentValue('options', 'must be given: at least `lower`');
  }
  const given = optionsObject(options, 'options', known);
  const change = attributeChange(given, 'options');
  const spec: NativeSpec = {
    lower: layerList(given.lower, 'options.lower'),
    dataLower: given.dataLower === undefined ? [] : layerList(given.dataLower, 'options.dataLower'),
    upper: upperOf(given.upper, optionalBoolean(given.initUpper, 'options.initUpper') ?? false),
    work: given.work === undefined ? null : absolutePath(given.work, 'options.work'),
    target: given.target === undefined ? null : absolutePath(given.target, 'options.target'),
    seenOn: null,
    beside: null,
    userNamespace: null,
    beneath: optionalBoolean(given.beneath, 'options.beneath') ?? false,
    redirectDir:
      optionalOneOf(given.redirectDir, 'options.redirectDir', ['on', 'follow', 'nofollow']) ?? null,
    index: onOff(given.index, 'options.index'),
    metacopy: onOff(given.metacopy, 'options.metacopy'),
    xino: optionalOneOf(given.xino, 'options.xino', ['on', 'off', 'auto']) ?? null,
    nfsExport: onOff(given.nfsExport, 'options.nfsExport'),
    uuid: optionalOneOf(given.uuid, 'options.uuid', ['auto', 'on', 'null', 'off']) ?? null,
    verity: optionalOneOf(given.verity, 'options.verity', ['off', 'on', 'require']) ?? null,
    volatile: optionalBoolean(given.volatile, 'options.volatile') ?? false,
    userxattr: optionalBoolean(given.userxattr, 'options.userxattr') ?? null,
    defaultPermissions:
      optionalBoolean(given.defaultPermissions, 'options.defaultPermissions') ?? false,
    overrideCreds: optionalBoolean(given.overrideCreds, 'options.overrideCreds') ?? null,
    extraOptions: optionList(given.extraOptions, 'options.extraOptions'),
    attributes: change.set,
    propagation: change.propagation,
    interface: mountInterface(given.interface, 'options.interface'),
    lowerdirText: optionalBoolean(given.lowerdirText, 'options.lowerdirText') ?? false,
    acceptUnclean: optionalBoolean(given.acceptUnclean, 'options.acceptUnclean') ?? false,
  };
  checkTogether(spec, given);
  return spec;
}
