// The matrix: option set × filesystem of the upper × lowers × privilege.

export type Filesystem = 'ext4' | 'xfs' | 'btrfs' | 'tmpfs' | 'temp';
export type Privilege = 'root' | 'rootless';
/** The lowers; `apart` ones lie on another filesystem than the upper. */
export type Shape = '1' | '2' | '2-apart' | '3' | '4' | 'data-only' | 'nested';

export interface OptionSet {
  readonly name: string;
  /** Of the mount, without the layers. */
  readonly options: readonly string[];
  /** What lowers are written with: the mount has to understand the marks. */
  readonly lowerOptions: readonly string[];
  readonly own: 'trusted' | 'user';
  /** Whether directories of the lower can be renamed. */
  readonly redirects: boolean;
  /** Whether the set is about `volatile`; others take it to save time. */
  readonly volatile: boolean;
}

export interface Cell {
  readonly name: string;
  readonly set: OptionSet;
  readonly filesystem: Filesystem;
  readonly shape: Shape;
  readonly privilege: Privilege;
  readonly options: readonly string[];
  /** Why nothing can be played here; what is tried instead. */
  readonly impossible?: Impossible;
}

export interface Impossible {
  /** Of mounting; `'changes'` when that succeeds, but nothing that it writes can be read. */
  readonly fails: 'mount' | 'changes';
  readonly code: string;
  readonly reason: string;
}

const off = ['redirect_dir=off', 'metacopy=off', 'index=off', 'xino=off', 'nfs_export=off'];

/** The given ones, and the others switched off rather than left to the kernel's configuration. */
function pinned(...options: readonly string[]): string[] {
  const name = (option: string): string => option.split('=')[0] ?? option;
  const named = new Set(options.map(name));
  // These imply each other.
  if (named.has('metacopy')) named.add('redirect_dir');
  if (named.has('nfs_export')) named.add('index');
  return [...options, ...off.filter((option) => !named.has(name(option)))];
}

function set(
  name: string,
  options: readonly string[],
  more: Partial<Omit<OptionSet, 'name' | 'options'>> = {},
): OptionSet {
  const volatile = options.includes('volatile');
  const redirects = options.includes('redirect_dir=on') || options.includes('metacopy=on');
  const withoutVolatile = options.filter((option) => option !== 'volatile');
  return {
    name,
    options: withoutVolatile,
    lowerOptions: withoutVolatile,
    own: 'trusted',
    redirects,
    volatile,
    ...more,
  };
}

const xattrs = { own: 'user' } as const;
// A mount with redirect_dir=off follows redirects that are there, where the kernel's parameter
// redirect_always_follow says so, as it does by default.
const follows = { lowerOptions: pinned('redirect_dir=on') };

export const optionSets: readonly OptionSet[] = [
  set('defaults', [], follows),
  set('redirect_dir', pinned('redirect_dir=on')),
  set('metacopy', pinned('metacopy=on')),
  set('index', pinned('index=on'), follows),
  set('xino', pinned('xino=on'), follows),
  set('nfs_export', pinned('nfs_export=on'), follows),
  set('volatile', pinned('volatile'), follows),
  set('userxattr', ['userxattr', 'index=off', 'xino=off'], xattrs),
  set(
    'redirect_dir+metacopy+index+xino',
    pinned('redirect_dir=on', 'metacopy=on', 'index=on', 'xino=on', 'volatile'),
  ),
  set(
    'nfs_export+index+redirect_dir+xino',
    pinned('nfs_export=on', 'index=on', 'redirect_dir=on', 'xino=on', 'volatile'),
  ),
  set('userxattr+xino', ['userxattr', 'index=off', 'xino=on', 'volatile'], xattrs),
];

export const shapes: readonly Shape[] = ['1', '2', '2-apart', '3', '4', 'data-only', 'nested'];

const unprivileged =
  'without userxattr an unprivileged mount writes marks that it may not write, and nobody can read';

function impossible(
  options: OptionSet,
  shape: Shape,
  privilege: Privilege,
): Impossible | undefined {
  if (privilege === 'rootless' && options.own === 'trusted') {
    const named = options.options.find((option) => /^(?:redirect_dir=|metacopy=on)/.test(option));
    return named !== undefined || shape === 'data-only'
      ? { fails: 'mount', code: 'EPERM', reason: `${named ?? 'data-only lowers'}: ${unprivileged}` }
      : { fails: 'changes', code: 'EPERM', reason: unprivileged };
  }
  return undefined;
}

/** Whether the cell keeps the syncing, which takes most of the time. */
function syncs({ name, volatile }: OptionSet, filesystem: Filesystem, shape: Shape): boolean {
  if (volatile) return false;
  return filesystem === 'tmpfs' || (name === 'defaults' && shape === '1');
}

export function cells(
  filesystems: readonly Filesystem[],
  privileges: readonly Privilege[],
): Cell[] {
  const all: Cell[] = [];
  for (const options of optionSets) {
    for (const filesystem of filesystems) {
      for (const shape of shapes) {
        for (const privilege of privileges) {
          const why = impossible(options, shape, privilege);
          all.push({
            name: `${options.name}/${filesystem}/${shape}/${privilege}`,
            set: options,
            filesystem,
            shape,
            privilege,
            options: syncs(options, filesystem, shape)
              ? options.options
              : [...options.options, 'volatile'],
            ...(why !== undefined && { impossible: why }),
          });
        }
      }
    }
  }
  return all;
}

/** By its name, whatever is there. */
export function findCell(name: string): Cell {
  const [, filesystem = '', , privilege = ''] = name.split('/');
  const all = cells([filesystem as Filesystem], [privilege as Privilege]);
  const cell = all.find((candidate) => candidate.name === name);
  if (cell === undefined) throw new Error(`there is no cell ${name}`);
  return cell;
}
