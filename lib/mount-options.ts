/** What a caller wants mounted: checked, and in the form the native core takes. */
import type { PathLike } from './arguments.ts';
import { absolutePath, oneOf, optionalBoolean, optionsObject, pathList } from './arguments.ts';
import { argumentType, argumentValue } from './errors.ts';
import type { NativeFeatures, NativeSpec } from './native.ts';

export interface MountOptions {
  /** One lower directory, or several, the top-most first. */
  readonly lower: PathLike | readonly PathLike[];
  /**
   * Where changes land. Created if it is missing, with the attributes of the top-most lower. Without
   * it the overlay is read-only and needs at least two lowers.
   */
  readonly upper?: PathLike;
  /**
   * The kernel's scratch directory, on the same mount as `upper`. Default: `<upper>.work`. Created if
   * it is missing. Never share it, nor the upper, between two mounts.
   */
  readonly work?: PathLike;
  /** The mount point, an existing directory. It may be one of the lowers: a mount in place. */
  readonly target: PathLike;
  /**
   * Keep overlayfs's marks in `user.*` attributes instead of `trusted.*`. Default: only where
   * `trusted.*` cannot be written, which is everywhere but with CAP_SYS_ADMIN in the initial user
   * namespace. Layers written one way must be mounted and read that way again.
   */
  readonly userxattr?: boolean;
  /** How renamed directories are recorded and followed. */
  readonly redirectDir?: 'on' | 'follow' | 'nofollow' | 'off';
  readonly index?: boolean;
  readonly metacopy?: boolean;
  readonly nfsExport?: boolean;
  readonly uuid?: 'auto' | 'on' | 'null' | 'off';
  readonly volatile?: boolean;
  /** Raw options: `key` or `key=value`. */
  readonly extraOptions?: readonly string[];
}

const known = [
  'lower',
  'upper',
  'work',
  'target',
  'userxattr',
  'redirectDir',
  'index',
  'metacopy',
  'nfsExport',
  'uuid',
  'volatile',
  'extraOptions',
] as const;

type Given = Readonly<Record<string, unknown>>;

function onOff(given: Given, key: string): Buffer | null {
  const value = optionalBoolean(given[key], `options.${key}`);
  return value === undefined ? null : Buffer.from(value ? 'on' : 'off');
}

function word(given: Given, key: string, words: readonly string[]): Buffer | null {
  return given[key] === undefined ? null : Buffer.from(oneOf(given[key], `options.${key}`, words));
}

function extraOptions(value: unknown): readonly Buffer[] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw argumentType('options.extraOptions', 'an array of strings', value);
  }
  return value.map((item) => Buffer.from(item));
}

function featuresOf(given: Given): NativeFeatures {
  return {
    redirectDir: word(given, 'redirectDir', ['on', 'follow', 'nofollow', 'off']),
    index: onOff(given, 'index'),
    metacopy: onOff(given, 'metacopy'),
    nfsExport: onOff(given, 'nfsExport'),
    uuid: word(given, 'uuid', ['auto', 'on', 'null', 'off']),
    volatile: optionalBoolean(given.volatile, 'options.volatile') ?? false,
    userxattr: optionalBoolean(given.userxattr, 'options.userxattr') ?? null,
    extra: extraOptions(given.extraOptions),
  };
}

export function specOf(options: unknown): NativeSpec {
  if (options === undefined) {
    throw argumentValue('options', 'must be given: at least `lower` and `target`');
  }
  const given = optionsObject(options, 'options', known);
  if (given.work !== undefined && given.upper === undefined) {
    throw argumentValue('options.work', 'needs an upper: a read-only overlay has no use for it');
  }
  return {
    lower: pathList(given.lower, 'options.lower'),
    upper: given.upper === undefined ? null : absolutePath(given.upper, 'options.upper'),
    work: given.work === undefined ? null : absolutePath(given.work, 'options.work'),
    target: given.target === undefined ? null : absolutePath(given.target, 'options.target'),
    features: featuresOf(given),
  };
}
