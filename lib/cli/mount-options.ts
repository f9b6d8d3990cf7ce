/** The options of `mount`, as `mountOverlay` takes them. */
import type { Layer, MountOptions } from '../mount-options.ts';
import { UsageError } from './command-errors.ts';
import { exclude, pathOf } from './options.ts';
import { sizeOf } from './sizes.ts';
import type { Word } from './words.ts';
import { bytesOf, textOf } from './words.ts';

const flags = [
  'tmpfs',
  'init-upper',
  'beneath',
  'userxattr',
  'index',
  'metacopy',
  'nfs-export',
  'volatile',
  'accept-unclean',
  'default-permissions',
  'no-override-creds',
  'read-only',
  'nosuid',
  'nodev',
  'noexec',
  'nosymfollow',
  'nodiratime',
  'lowerdir-text',
] as const;
const values = [
  'upper',
  'tmpfs-size',
  'work',
  'redirect-dir',
  'xino',
  'uuid',
  'verity',
  'atime',
  'propagation',
  'interface',
] as const;
const lists = ['lower', 'data-lower', 'option'] as const;

type FlagName = (typeof flags)[number];
type ValueName = (typeof values)[number];
type ListName = (typeof lists)[number];

export type MountOptionTable = { readonly [name in FlagName]: { readonly type: 'boolean' } } & {
  readonly [name in ValueName]: { readonly type: 'string' };
} & { readonly [name in ListName]: { readonly type: 'string'; readonly multiple: true } };

export const mountOptionTable: MountOptionTable = Object.fromEntries([
  ...flags.map((name) => [name, { type: 'boolean' }]),
  ...values.map((name) => [name, { type: 'string' }]),
  ...lists.map((name) => [name, { type: 'string', multiple: true }]),
]);

/** What the parser makes of the table. */
export type MountValues = { readonly [name in FlagName]?: boolean } & {
  readonly [name in ValueName]?: Word;
} & { readonly [name in ListName]?: readonly Word[] };

function oneOf<T extends string>(
  word: Word | undefined,
  name: string,
  words: readonly T[],
): T | undefined {
  const text = word === undefined ? undefined : textOf(word);
  const found = words.find((each) => each === text);
  if (text !== undefined && found === undefined) {
    throw new UsageError(`${name} must be one of ${words.join(', ')}, but is '${text}'`);
  }
  return found;
}

function tmpfsSize(word: Word): number {
  const bytes = sizeOf(word, '--tmpfs-size');
  if (bytes === 0) {
    throw new UsageError('--tmpfs-size must not be 0');
  }
  return bytes;
}

function extraOption(word: Word): Buffer {
  if (word === '' || word.startsWith('=')) {
    throw new UsageError(`--option must be KEY or KEY=VALUE, but is '${textOf(word)}'`);
  }
  return bytesOf(word);
}

function upperOf(given: MountValues): MountOptions['upper'] {
  const { upper, tmpfs, 'tmpfs-size': sized } = given;
  exclude(['--upper', upper], ['--tmpfs', tmpfs]);
  if (sized !== undefined && !tmpfs) {
    throw new UsageError('--tmpfs-size needs --tmpfs');
  }
  if (tmpfs) {
    return sized === undefined ? 'tmpfs' : { type: 'tmpfs', size: tmpfsSize(sized) };
  }
  return upper === undefined ? undefined : pathOf(upper, '--upper');
}

function checkUpper(given: MountValues): void {
  const needsUpper = ['work', 'init-upper', 'volatile', 'accept-unclean', 'index'] as const;
  const [name] = needsUpper.filter((each) => given[each] !== undefined);
  if (name !== undefined && given.upper === undefined && !(given.tmpfs && name === 'index')) {
    throw new UsageError(`--${name} needs --upper: a read-only overlay has no use for it`);
  }
}

const defined = <T>(key: string, given: T | undefined): Record<string, T> =>
  given === undefined ? {} : { [key]: given };

const paths = (words: readonly Word[], name: string): readonly Layer[] =>
  words.map((word) => pathOf(word, name));

/** These are called alike everywhere. */
const alike = [
  ...(['index', 'metacopy', 'volatile', 'beneath', 'userxattr'] as const),
  ...(['nosuid', 'nodev', 'noexec', 'nosymfollow', 'nodiratime'] as const),
];

/** All but the target. */
export function mountOptionsOf(given: MountValues): MountOptions {
  const { lower = [], 'data-lower': dataLower, work } = given;
  if (lower.length === 0) {
    throw new UsageError('at least one --lower DIR is needed');
  }
  checkUpper(given);
  const word = <T extends string>(key: string, name: ValueName, words: readonly T[]) =>
    defined(key, oneOf(given[name], `--${name}`, words));
  return {
    lower: paths(lower, '--lower'),
    ...defined('dataLower', dataLower && paths(dataLower, '--data-lower')),
    ...defined('upper', upperOf(given)),
    ...defined('work', work === undefined ? undefined : pathOf(work, '--work')),
    ...Object.fromEntries(alike.flatMap((name) => (given[name] ? [[name, true]] : []))),
    ...defined('initUpper', given['init-upper']),
    ...defined('nfsExport', given['nfs-export']),
    ...defined('acceptUnclean', given['accept-unclean']),
    ...defined('defaultPermissions', given['default-permissions']),
    ...(given['no-override-creds'] ? { overrideCreds: false } : {}),
    ...defined('readOnly', given['read-only']),
    ...defined('lowerdirText', given['lowerdir-text']),
    ...word('redirectDir', 'redirect-dir', ['on', 'follow', 'nofollow']),
    ...word('xino', 'xino', ['on', 'off', 'auto']),
    ...word('uuid', 'uuid', ['auto', 'on', 'null', 'off']),
    ...word('verity', 'verity', ['off', 'on', 'require']),
    ...word('atime', 'atime', ['relatime', 'noatime', 'strictatime']),
    ...word('propagation', 'propagation', ['private', 'shared', 'slave', 'unbindable']),
    ...word('interface', 'interface', ['fsopen', 'mount']),
    ...defined('extraOptions', given.option?.map(extraOption)),
  };
}
