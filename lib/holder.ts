/** Who holds a mount: what is known of them, and how it is said. */

/**
 * How a process holds a mount: by its working directory, its root directory, the program it runs, an
 * open file or directory, or a file that is mapped into its memory.
 */
export type HoldKind = 'cwd' | 'root' | 'exe' | 'fd' | 'mapping';

export interface Hold {
  readonly kind: HoldKind;
  /** As the kernel names it (`/proc/<pid>/fd/N`): ` (deleted)` follows where that is so. */
  readonly path: string;
  readonly pathBytes: Buffer;
  /** The number of the descriptor, of kind `fd`. */
  readonly fd?: number;
}

/** A process that holds a mount. */
export interface MountHolder {
  readonly pid: number;
  /** The name of the program, at most 15 bytes (`/proc/<pid>/comm`). */
  readonly command: string;
  /** Its command line (`/proc/<pid>/cmdline`), which a process can overwrite. */
  readonly args: readonly string[];
  /** At most 64. */
  readonly holds: readonly Hold[];
  /** How many more there are. */
  readonly omitted: number;
  /** All it holds is a copy of the mount in another mount namespace. */
  readonly copy: boolean;
}

/** The same directory of the same filesystem, mounted in another mount namespace. */
export interface MountCopy {
  /** The inode number of the namespace, as in `/proc/<pid>/ns/mnt`. */
  readonly namespace: bigint;
  /** One process in it. */
  readonly pid: number;
  readonly command: string;
  /** The mount point there, relative to the root of that process. */
  readonly target: string;
  readonly targetBytes: Buffer;
}

/** A mount below the one that was asked about. */
export interface Submount {
  /** Of the mount table. */
  readonly mountId: number;
  readonly fstype: string;
  readonly target: string;
  readonly targetBytes: Buffer;
}

export interface MountHolders {
  /** Processes, in the order of `/proc`. */
  readonly holders: readonly MountHolder[];
  /** What is mounted below: it has to be unmounted first. */
  readonly submounts: readonly Submount[];
  /**
   * They do not keep the mount from being unmounted (unless it is shared with theirs and busy there),
   * but they keep the filesystem in use, and with an overlay its upper.
   */
  readonly copies: readonly MountCopy[];
  /** How many processes may not be looked at, since they are those of somebody else. */
  readonly unreadable: number;
}

/** Sentences name that many. */
const named = 3;

function listed(items: readonly string[]): string {
  const left = items.length - named;
  return [...items.slice(0, named), ...(left > 0 ? [`and ${left} more`] : [])].join(', ');
}

function doing({ kind, path }: Hold): string {
  switch (kind) {
    case 'cwd':
      return `works in it (${path})`;
    case 'root':
      return `has its root in it (${path})`;
    case 'exe':
      return `runs ${path}`;
    case 'fd':
      return `has ${path} open`;
    case 'mapping':
      return `has ${path} mapped`;
  }
}

function holderText({ pid, command, holds, omitted, copy }: MountHolder): string {
  const [first, ...others] = holds;
  const more = others.length + omitted;
  return [
    `pid ${pid} (${command}${pid === process.pid ? ', this process' : ''})`,
    ...(first === undefined ? [] : [doing(first)]),
    ...(copy ? ['in another mount namespace'] : []),
    ...(more > 0 ? [`(and ${more} more)`] : []),
  ].join(' ');
}

function copyText({ pid, command, target }: MountCopy): string {
  return `the mount namespace of pid ${pid} (${command}) has a copy of it (${target})`;
}

function holdersText(found: MountHolders): string | undefined {
  const here = found.holders.filter(({ copy }) => !copy);
  // Others matter only where the mount is shared with them, so they are named if nobody else is.
  const shown = here.length > 0 || found.submounts.length > 0 ? here : found.holders;
  return shown.length > 0 ? listed(shown.map(holderText)) : undefined;
}

function submountsText({ submounts }: MountHolders): string | undefined {
  const below = listed(submounts.map(({ target }) => target));
  return submounts.length > 0
    ? `mounted below it: ${below} (unmount those first, or use \`recursive: true\`, \`--recursive\`)`
    : undefined;
}

/**
 * What keeps a mount from being unmounted, and what can be done. `lazily`: it can be detached all the same,
 * as it cannot where the upper goes with it.
 */
export function busyText(found: MountHolders, lazily: boolean): string {
  const { copies, unreadable } = found;
  const why = [holdersText(found), submountsText(found)].filter((text) => text !== undefined);
  const clauses = [
    ...(why.length > 0 ? why : ['no process that holds it could be found']),
    ...(why.length === 0 && copies.length > 0 ? [listed(copies.map(copyText))] : []),
    ...(unreadable > 0 ? [`processes of others that may not be looked at: ${unreadable}`] : []),
    `end what holds it${lazily ? ', or detach it all the same with `lazy: true` (`--lazy`)' : ', and try again'}`,
  ];
  return clauses.join('; ');
}
