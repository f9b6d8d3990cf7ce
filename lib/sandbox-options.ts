/** What `createSandbox` can be asked for, and how it is checked. */
import type { PathLike } from './arguments.ts';
import {
  absolutePath,
  integer,
  oneOf,
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
   * have them. Default: false.
   */
  readonly relaySignals?: boolean;
}

/** As of `Overlay.run`, but that programs see the overlays where they belong. */
export type SandboxRunOptions = Omit<RunOptions, 'at'>;

const optionNames = [
  ...['lower', 'overlays', 'session', 'base', 'directory', 'grace', 'idMap'],
] as const;
const common = ['cwd', 'env', 'stdio', 'signal', 'killSignal'] as const;
export const spawnOptionNames: readonly string[] = [...common, 'relaySignals'];
export const runOptionNames: readonly string[] = [...common, 'input', 'maxBuffer'];

export interface SandboxPlan {
  /** Undefined: nothing was said. */
  readonly asked: AskedPlaces | undefined;
  readonly session: string | undefined;
  readonly base: string | undefined;
  readonly directory: Buffer | undefined;
  readonly grace: number;
  readonly idMap: SandboxIdMap;
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
  };
}

/** It may be a directory that only the view has. */
export function startDirectory(given: unknown): Buffer {
  return given === undefined ? workingDirectory() : absolutePath(given, 'options.cwd');
}
