/** What `createSandbox` can be asked for, and how it is checked. */
import type { PathLike } from './arguments.ts';
import {
  absolutePath,
  integer,
  oneOf,
  optionalBoolean,
  optionsObject,
  pathList,
  workingDirectory,
} from './arguments.ts';
import { argumentType, argumentValue } from './errors.ts';
import { joined } from './path-bytes.ts';
import type { RunOptions, RunStdio } from './run-options.ts';
import type { AskedPlaces } from './sandbox-places.ts';
import { sessionName } from './session-store.ts';
import type { SandboxIdMap } from './subordinate-ids.ts';
import { idMaps } from './subordinate-ids.ts';

/** Directories stacked on a target. */
export interface SandboxOverlayOptions {
  /** Where programs see the overlay: an existing directory. */
  readonly target: PathLike;
  /** One lower, or several, the top-most first; the target itself is one only if it is named. */
  readonly lower: PathLike | readonly PathLike[];
}

export interface SandboxOptions {
  /**
   * Directories that programs see a copy-on-write view of, each at its own path. Default: the working
   * directory, unless `overlays` are given.
   *
   * As root, what is mounted below one of them gets an overlay of its own; filesystems of the kernel
   * (proc, sysfs, devpts, …) and files that are mounted on are seen as they are. For an ordinary user a
   * mount below is an error, because the kernel does not let him look at what it covers.
   */
  readonly lower?: PathLike | readonly PathLike[];
  /** Overlays of other directories than the one they are seen on. */
  readonly overlays?: readonly SandboxOverlayOptions[];
  /**
   * The session that keeps what programs write. One that exists is entered again; then `lower`,
   * `overlays` and `base` are left out, or the same. Default: one without a name of its own, which is
   * discarded when the sandbox is closed.
   */
  readonly session?: string;
  /** Another session that a new one is stacked on: programs see what is in it, and it does not change. */
  readonly base?: string;
  /**
   * Where sessions lie. Default: `$XDG_STATE_HOME/overlayfs` (`~/.local/state/overlayfs`), or where that
   * cannot hold an upper or lies inside of what is covered, the first of `/var/tmp/overlayfs-<uid>`, the same in the
   * temporary directory, `$XDG_RUNTIME_DIR/overlayfs`, `/dev/shm/overlayfs-<uid>` that can.
   */
  readonly directory?: PathLike;
  /**
   * When a program has ended, what it has left running is sent SIGTERM, and SIGKILL after so many
   * milliseconds. Default: 2000.
   */
  readonly grace?: number;
  /**
   * Which ids an ordinary user's programs see as what they are. `'own'`: his uid and gid; files of others
   * seem to be nobody's, and cannot be changed (`EOVERFLOW`). `'subordinate'`: also those that /etc/subuid and
   * /etc/subgid grant him, each as itself, by newuidmap(1) and newgidmap(1); an error where that cannot be.
   * `'auto'`: the same, but his own where it cannot be. As root all ids are what they are. Default: `'auto'`.
   */
  readonly idMap?: SandboxIdMap;
  /**
   * False: each program has a network namespace of its own with nothing in it but a loopback device, which is
   * up. Sockets that are files can still be reached. Default: true.
   */
  readonly network?: boolean;
  /**
   * What programs do not see: instead of a directory an empty one, instead of anything else an empty file, and
   * neither can be written to. An overlay that lies in such a directory is seen nevertheless, unless another
   * overlay has both. In an overlay the path is that of the view, and no symbolic link may be on the way.
   */
  readonly hide?: PathLike | readonly PathLike[];
  /**
   * What programs can read only, with everything that is mounted below. An overlay that lies in such a
   * directory can be written to nevertheless, unless another overlay has both. In an overlay the path is that of
   * the view, and no symbolic link may be on the way.
   */
  readonly readOnly?: PathLike | readonly PathLike[];
  /**
   * Each program has a `/tmp` of its own, in memory, which is empty but for overlays that lie in there, unless
   * another overlay has both. It can be written to, whatever is read-only around it. Default: false.
   */
  readonly emptyTmp?: boolean;
  /**
   * Each program has a PID namespace of its own, with its own `/proc`: it sees no other processes than those
   * it has started, and the kernel kills what is left of these at the end. Default: false.
   */
  readonly pidNamespace?: boolean;
}

/** As of `node:child_process`. */
export interface SpawnOptions {
  /** Where the overlays are in place already. Default: `process.cwd()`. */
  readonly cwd?: PathLike;
  /**
   * The whole environment. Default: that of this process, byte by byte. A value of `undefined` leaves
   * the name out.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For all three, or for standard input, output and error. Default: `'pipe'`. */
  readonly stdio?: RunStdio | readonly [stdin: RunStdio, stdout: RunStdio, stderr: RunStdio];
  /** Sends `killSignal`, and emits an `AbortError`. */
  readonly signal?: AbortSignal;
  /** Default: `'SIGTERM'`. */
  readonly killSignal?: NodeJS.Signals | number;
  /**
   * Hand on SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 and SIGWINCH that other processes send to
   * this one, instead of what they do here, until everything has ended. What the terminal sends (Ctrl-C) is
   * not handed on: the program is in the same process group and gets it anyhow. One program at a time can
   * have them: a second one fails with EBUSY. Default: false.
   */
  readonly relaySignals?: boolean;
}

/** As of `Overlay.run`, but that programs see the overlays where they belong. */
export type SandboxRunOptions = Omit<RunOptions, 'at'>;

const optionNames = [
  ...['lower', 'overlays', 'session', 'base', 'directory', 'grace', 'idMap'],
  ...['network', 'hide', 'readOnly', 'emptyTmp', 'pidNamespace'],
] as const;
const common = ['cwd', 'env', 'stdio', 'signal', 'killSignal'] as const;
export const spawnOptionNames: readonly string[] = [...common, 'relaySignals'];
export const runOptionNames: readonly string[] = [...common, 'input', 'maxBuffer'];

/** What programs are kept from; the paths are absolute. */
export interface IsolationPlan {
  readonly network: boolean;
  readonly hide: readonly Buffer[];
  readonly readOnly: readonly Buffer[];
  readonly emptyTmp: boolean;
  readonly pidNamespace: boolean;
}

export interface SandboxPlan {
  /** Undefined: nothing was said. */
  readonly asked: AskedPlaces | undefined;
  readonly session: string | undefined;
  readonly base: string | undefined;
  readonly directory: Buffer | undefined;
  readonly grace: number;
  readonly idMap: SandboxIdMap;
  /** Undefined: from nothing. */
  readonly isolation: IsolationPlan | undefined;
}

function stacked(value: unknown): AskedPlaces['stacked'] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw argumentType('options.overlays', 'an array', value);
  }
  return Array.from(value, (item, i) => {
    const name = `options.overlays[${i}]`;
    const given = optionsObject(item, name, ['target', 'lower']);
    return {
      target: absolutePath(given.target, `${name}.target`),
      lower: pathList(given.lower, `${name}.lower`),
    };
  });
}

function askedPlaces(lower: unknown, overlays: unknown): AskedPlaces | undefined {
  if (lower === undefined && overlays === undefined) {
    return undefined;
  }
  return {
    lower: lower === undefined ? [] : pathList(lower, 'options.lower'),
    stacked: stacked(overlays),
  };
}

function isolationPlan(given: Readonly<Record<string, unknown>>): IsolationPlan | undefined {
  const paths = (name: 'hide' | 'readOnly'): readonly Buffer[] =>
    given[name] === undefined ? [] : pathList(given[name], `options.${name}`);
  const flag = (name: 'network' | 'emptyTmp' | 'pidNamespace', otherwise: boolean): boolean =>
    optionalBoolean(given[name], `options.${name}`) ?? otherwise;
  const plan = {
    network: flag('network', true),
    hide: paths('hide'),
    readOnly: paths('readOnly'),
    emptyTmp: flag('emptyTmp', false),
    pidNamespace: flag('pidNamespace', false),
  };
  const { network, emptyTmp, pidNamespace, hide, readOnly } = plan;
  const nothing = network && !emptyTmp && !pidNamespace && hide.length + readOnly.length === 0;
  return nothing ? undefined : plan;
}

export function here(): AskedPlaces {
  return { lower: [workingDirectory()], stacked: [] };
}

/** Its name need not be text. */
export function sessionDirectory(value: unknown, name: string): Buffer | undefined {
  return value === undefined ? undefined : joined(absolutePath(value, name));
}

export function sandboxPlan(options: unknown): SandboxPlan {
  const given = optionsObject(options, 'options', optionNames);
  const session =
    given.session === undefined ? undefined : sessionName(given.session, 'options.session');
  const base = given.base === undefined ? undefined : sessionName(given.base, 'options.base');
  const asked = askedPlaces(given.lower, given.overlays);
  if (base !== undefined && (base === session || asked !== undefined)) {
    throw argumentValue(
      'options.base',
      base === session
        ? 'must be another session than the one that is stacked on it (`session`)'
        : 'has layers already: leave `lower` and `overlays` out',
    );
  }
  if (asked !== undefined && asked.lower.length + asked.stacked.length === 0) {
    throw argumentValue('options.overlays', 'must name at least one overlay');
  }
  return {
    asked,
    session,
    base,
    directory: sessionDirectory(given.directory, 'options.directory'),
    grace: given.grace === undefined ? 2000 : integer(given.grace, 'options.grace', 0, 3_600_000),
    idMap: oneOf(given.idMap ?? 'auto', 'options.idMap', idMaps),
    isolation: isolationPlan(given),
  };
}

/** It may be a directory that only the view has. */
export function startDirectory(given: unknown): Buffer {
  return given === undefined ? workingDirectory() : absolutePath(given, 'options.cwd');
}
