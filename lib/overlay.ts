import { closeSync } from 'node:fs';
import type { ApplyResult } from './apply.ts';
import { applyChanges } from './apply.ts';
import type { ApplyOptions } from './apply-options.ts';
import type { PathLike } from './arguments.ts';
import { absolutePath, optionalBoolean, optionsObject, relativeName } from './arguments.ts';
import type { Changes, ChangesOptions } from './changes.ts';
import { changes } from './changes.ts';
import { argumentValue } from './errors.ts';
import { explainBusy, explainBusySync } from './holders.ts';
import type { MountInterface, Propagation } from './mount-attributes.ts';
import { propagationFlag } from './mount-attributes.ts';
import type { MountOptions } from './mount-options.ts';
import { specOf } from './mount-options.ts';
import type {
  LayersHandle,
  MountHandle,
  NamespaceHandle,
  NativeLayer,
  NativeMounted,
  NativeSpec,
} from './native.ts';
import { native, unwrap } from './native.ts';
import type { HeldMount } from './opened-layers.ts';
import { holdLayers, holdMount, mountHeldBy } from './opened-layers.ts';
import type { RunResult } from './program-result.ts';
import { warningText } from './reasons.ts';
import type { RunOptions } from './run-options.ts';
import { runInView } from './view-process.ts';

export interface CloseOptions {
  /** Detach the mount at once even if it is in use (MNT_DETACH); its users keep their files. */
  readonly lazy?: boolean;
  /**
   * Whether everything written is on the disk when this resolves. Default: true. Without `volatile` the
   * kernel does that by itself, and false changes nothing. With `volatile` the filesystem of the upper
   * is synced once and the kernel's mark of such a mount removed, so that the upper can be mounted
   * again; with false, and after a lazy unmount, neither happens, and the next mount needs
   * `acceptUnclean`. An ephemeral upper is never synced.
   */
  readonly sync?: boolean;
}

export interface AttachOptions {
  /**
   * Below what is mounted there now: nobody sees a difference until that is unmounted, and then the
   * overlay is there at once. Linux 6.5; the target has to be a mount point.
   */
  readonly beneath?: boolean;
  readonly propagation?: Propagation;
}

/** Known in this file only: JavaScript has no private constructors. */
const key = Symbol('mountOverlay');
let overlayOf: (spec: NativeSpec, mounted: NativeMounted) => Overlay;

/** What a layer is called. */
function layerName({ path, fd }: NativeLayer): Buffer {
  return path ?? Buffer.from(fd === null ? 'detached overlay' : `descriptor ${fd}`);
}

/** An overlay that we mounted. Made by `mountOverlay`; `close()` unmounts it. */
export class Overlay implements AsyncDisposable, Disposable {
  readonly lowerBytes: readonly Buffer[];
  readonly dataLowerBytes: readonly Buffer[];
  readonly upperBytes: Buffer | undefined;
  readonly workBytes: Buffer | undefined;
  /** There is an upper. */
  readonly writable: boolean;
  /** Whether the marks are in `user.*` attributes. */
  readonly userxattr: boolean;
  /** Made in a user namespace of its own, by an ordinary user. */
  readonly rootless: boolean;
  /** The kernel's interface that made it. */
  readonly interface: MountInterface;
  /** Of the kernel: never used twice from Linux 6.8 on. */
  readonly mountId: bigint;
  /** What could not be done as it should, as sentences. */
  readonly warnings: readonly string[];
  readonly #mount: MountHandle;
  readonly #opened: LayersHandle;
  /** Of the top-most lower, if it was named. */
  readonly #lowerPath: Buffer | undefined;
  /** Its upper is a directory that goes with it. */
  readonly #temporary: boolean;
  #path: Buffer | undefined;
  #closing: Promise<void> | undefined;
  #closingAs = '';
  #attaching = false;
  #closed = false;

  static {
    overlayOf = (spec, mounted) => new Overlay(spec, mounted, key);
  }

  private constructor(spec: NativeSpec, mounted: NativeMounted, caller: symbol) {
    if (caller !== key) {
      throw Object.assign(new TypeError('An Overlay is made by mountOverlay'), {
        code: 'ERR_ILLEGAL_CONSTRUCTOR',
      });
    }
    const [target, upper, work, writable, mountId, userxattr, rootless, ...rest] = mounted;
    const [madeBy, warnings, mount, layers] = rest;
    this.#mount = mount;
    this.#opened = layers;
    this.#path = target ?? undefined;
    this.#temporary = spec.upper.kind === 3;
    this.#lowerPath = spec.lower[0]?.path ?? undefined;
    this.lowerBytes = spec.lower.map(layerName);
    this.dataLowerBytes = spec.dataLower.map(layerName);
    this.upperBytes = upper ?? undefined;
    this.workBytes = work ?? undefined;
    this.writable = writable;
    this.userxattr = userxattr;
    this.rootless = rootless;
    this.interface = madeBy === 2 ? 'mount' : 'fsopen';
    this.mountId = mountId;
    this.warnings = warnings.map(warningText);
    holdLayers(this, () => this.#layers());
    holdMount(this, () => this.#held());
  }

  /** Top-most first, as named when mounting, made absolute. */
  get lower(): readonly string[] {
    return this.lowerBytes.map(String);
  }

  get dataLower(): readonly string[] {
    return this.dataLowerBytes.map(String);
  }

  /** Undefined where there is none, and of a tmpfs, which has no path. */
  get upper(): string | undefined {
    return this.upperBytes?.toString();
  }

  get work(): string | undefined {
    return this.workBytes?.toString();
  }

  /** The mount point, resolved. Undefined while the overlay is detached: see `resolve`. */
  get path(): string | undefined {
    return this.#path?.toString();
  }

  get pathBytes(): Buffer | undefined {
    return this.#path;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * A path to an entry of the overlay, for plain file operations of this process and its children:
   * below `path`, or for a detached overlay below `/proc/<pid>/fd/<n>`, where it works until the overlay
   * is closed or attached.
   *
   * On a detached overlay do not hand it to anything that asks where it is: realpath(3) answers with a
   * path of the host, or ENOENT, and so does what builds on it (`require`, `process.chdir` and `cwd`,
   * git). Nor does an absolute symbolic link in it lead back into the overlay. Programs are run with
   * `run`, which gives the overlay a real path.
   *
   * @param name relative, without `..`. Default: the root.
   * @throws Error `ERR_INVALID_STATE` after `close`: the number of the descriptor may be somebody
   * else's by then. OverlayError `ENOENT` where others have unmounted, moved or covered the overlay: its
   * mount point is another directory then.
   */
  resolve(name: string): string;
  resolve(name: Buffer): Buffer;
  resolve(): string;
  resolve(name: string | Buffer = ''): string | Buffer {
    const relative = relativeName(name, 'name');
    const { path, mount } = this.#held();
    if (path !== undefined) {
      closeSync(unwrap(native().openOverlay(mount, true))); // it is there
    }
    const root = path ?? Buffer.from(`/proc/${process.pid}/fd/${native().overlayFd(this.#mount)}`);
    const joined = relative.length === 0 ? root : Buffer.concat([root, Buffer.from('/'), relative]);
    return typeof name === 'string' ? joined.toString() : joined;
  }

  /**
   * Carries out on another directory what is different from the lowers: `applyChanges(this, options)`.
   * The lower itself cannot be changed while it is mounted: name the layers after `close`.
   */
  apply(options: ApplyOptions): Promise<ApplyResult> {
    return applyChanges(this, options);
  }

  /** Everything that is different from the lowers: `changes(overlay, options)`. */
  changes(options?: ChangesOptions): Changes {
    return changes(this, options);
  }

  /**
   * Mounts a detached overlay on a directory, where it stays until it is closed. Needs CAP_SYS_ADMIN;
   * an ordinary user's overlay belongs to a namespace of its own and can be attached in none else.
   *
   * @throws OverlayError `EPERM` without the privilege, `EINVAL` where it is attached already, or
   * `beneath` nothing is mounted.
   * @see move_mount(2)
   */
  async attach(target: PathLike, options?: AttachOptions): Promise<void> {
    const args = attachArguments(target, options);
    this.#held();
    this.#attaching = true;
    try {
      this.#path = unwrap(await native().attachOverlay(this.#mount, ...args, false));
    } finally {
      this.#attaching = false;
    }
  }

  /** Like `attach`, blocking. */
  attachSync(target: PathLike, options?: AttachOptions): void {
    const args = attachArguments(target, options);
    this.#held();
    this.#path = unwrap(native().attachOverlay(this.#mount, ...args, true));
  }

  /**
   * Runs a program that sees the overlay at a real path, in a mount namespace of its own: nothing is
   * mounted for anybody else, and the view ends with its last process. Resolves when the program has
   * ended, with whatever code. An ordinary user stays who he is and has no capabilities in it.
   *
   * Where the overlay is detached that path is the top-most lower's, unless `at` names another, so that
   * `run('make', [], { cwd: '/src' })` works in the overlay over /src. Without `cwd` the program starts in
   * the overlay: where `process.cwd()` is inside of `at` there, else at its root. While programs run, `close()` of a
   * detached overlay leaves them theirs, and its upper stays in use.
   *
   * @param command looked for in the `PATH` of the program's environment, if it has no slash.
   * @throws OverlayError `ENOENT`, `EACCES`, `ENOEXEC` with syscall `execve` where the program cannot be
   * started; `AbortError` after a `signal`; `ERR_CHILD_PROCESS_STDIO_MAXBUFFER` as `node:child_process`.
   */
  async run(
    command: string | Buffer,
    args: readonly (string | Buffer)[] = [],
    options?: RunOptions,
  ): Promise<RunResult> {
    const { path, mount } = this.#held();
    const at = path ?? this.#lowerPath;
    const opened = path && unwrap(await native().openOverlay(mount, false));
    try {
      const view = {
        mount: opened ?? native().overlayFd(mount),
        userNamespace: native().overlayNamespace(mount),
        at,
      };
      // What it needs of the descriptors is its own from the call on.
      return await runInView(view, command, args, options);
    } finally {
      if (opened !== undefined) {
        closeSync(opened);
      }
    }
  }

  /**
   * Forgets the names and files that the kernel has cached, so that what was changed in a lower is
   * seen: `refreshOverlay` of this overlay, wherever it is. Of an ordinary user's overlay it is `EPERM`.
   */
  async refresh(): Promise<void> {
    this.#held();
    unwrap(await native().refreshOwn(this.#mount, false));
  }

  /** Like `refresh`, blocking. */
  refreshSync(): void {
    this.#held();
    unwrap(native().refreshOwn(this.#mount, true));
  }

  #checkOpen(why: string): void {
    if (this.#attaching) {
      throw Object.assign(new Error('The overlay is just being attached'), {
        code: 'ERR_INVALID_STATE',
      });
    }
    const gone = (): boolean => native().overlayGone(this.#mount);
    if (this.#closed || this.#closing !== undefined || gone()) {
      throw Object.assign(new Error(`The overlay is closed${why}`), { code: 'ERR_INVALID_STATE' });
    }
  }

  /** Opened before the mount could hide them. */
  #layers(): LayersHandle {
    this.#checkOpen('; name its layers to read what the upper holds');
    if (!this.writable) {
      throw argumentValue(
        'source',
        'is a read-only overlay: without an upper there are no changes',
      );
    }
    return this.#opened;
  }

  #held(): HeldMount {
    this.#checkOpen('');
    return { path: this.#path, mount: this.#mount };
  }

  /**
   * Unmounts this very mount and nothing else: not what was mounted over it since, and nothing if
   * somebody else has unmounted it. Calling it again is harmless; if it rejects (`EBUSY` while files
   * are open or a process works in it, with the `holders`) the overlay stays open and `close` can be
   * tried again. A detached overlay goes away in any case: files that are still open keep working, and
   * its upper stays in use until they are closed. A volatile or temporary upper that is still in use
   * then is `EBUSY` too, and another `close` afterwards completes it; nothing else can be done with the
   * overlay meanwhile. While one `close` is under way another with other options has its turn only if
   * the first fails.
   *
   * Unless it is volatile the kernel writes the whole filesystem of the upper to disk here, which can
   * take a while.
   */
  async close(options?: CloseOptions): Promise<void> {
    const request = closeRequest(options);
    if (this.#closed) {
      return;
    }
    const as = String(request);
    if (this.#closing === undefined) {
      this.#closingAs = as;
      this.#closing = this.#close(request).finally(() => {
        this.#closing = undefined;
      });
    } else if (as !== this.#closingAs) {
      // The one under way asks for something else: if it fails this one has its turn.
      return this.#closing.catch(() => this.close(options));
    }
    await this.#closing;
  }

  /** Like `close`, blocking. */
  closeSync(options?: CloseOptions): void {
    const request = closeRequest(options);
    if (!this.#closed) {
      const outcome = native().closeOverlay(this.#mount, this.#opened, ...request, true);
      if ('failure' in outcome) {
        throw explainBusySync(outcome.failure, { neverLazy: this.#temporary });
      }
      this.#closed = true;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async #close(request: CloseRequest): Promise<void> {
    const outcome = await native().closeOverlay(this.#mount, this.#opened, ...request, false);
    if ('failure' in outcome) {
      throw await explainBusy(outcome.failure, { neverLazy: this.#temporary });
    }
    this.#closed = true;
  }
}

/** An overlay that has a path. */
export type AttachedOverlay = Overlay & { readonly path: string; readonly pathBytes: Buffer };

type CloseRequest = readonly [lazy: boolean, synced: boolean];

function closeRequest(options: unknown): CloseRequest {
  const given = optionsObject(options, 'options', ['lazy', 'sync']);
  const lazy = optionalBoolean(given.lazy, 'options.lazy') ?? false;
  return [lazy, optionalBoolean(given.sync, 'options.sync') ?? true];
}

function attachArguments(target: unknown, options: unknown): [Buffer, boolean, number] {
  const given = optionsObject(options, 'options', ['beneath', 'propagation']);
  return [
    absolutePath(target, 'target'),
    optionalBoolean(given.beneath, 'options.beneath') ?? false,
    given.propagation === undefined ? 0 : propagationFlag(given.propagation, 'options.propagation'),
  ];
}

/**
 * Mounts an overlay: at `target`, or detached where none is given.
 *
 * At a target it needs CAP_SYS_ADMIN, which an ordinary user has in a user and mount namespace of his
 * own. Detached, an ordinary user needs nothing: the overlay is made in a namespace of its own, and
 * this process gets it as a descriptor.
 *
 * An attached mount outlives the process unless it is closed; a detached one ends with it. After a
 * failure nothing is mounted, and directories made on the way are removed again. What the kernel
 * accepts but would not serve the purpose (an overlay it could only mount read-only, an upper that is
 * mounted already, a filesystem without extended attributes) is an error as well.
 *
 * @throws OverlayError with `code`, `syscall`, `path` and, where the cause is known, `hint`.
 * @throws TypeError for wrong arguments, before anything is touched.
 * @see overlayfs.rst in the kernel's documentation, fsopen(2), mount(2)
 */
export function mountOverlay(
  options: MountOptions & { readonly target: PathLike },
): Promise<AttachedOverlay>;
export function mountOverlay(options: MountOptions): Promise<Overlay>;
export async function mountOverlay(options: MountOptions): Promise<Overlay> {
  const spec = specOf(options);
  return overlayOf(spec, unwrap(await native().mountOverlay(spec, false)));
}

export interface BesideOptions extends MountOptions {
  /** An overlay that programs are to see together with this one; an ordinary user's have a namespace each else. */
  readonly beside: Overlay | undefined;
  /** For the first of them, where there is one to be used. */
  readonly namespace: NamespaceHandle | undefined;
  /** A warning that its caller has seen to. */
  readonly expected: string | undefined;
}

/** A detached overlay of several. */
export async function mountBeside({
  beside,
  namespace,
  expected,
  ...options
}: BesideOptions): Promise<Overlay> {
  const spec = {
    ...specOf(options),
    beside: mountHeldBy(beside)?.().mount ?? null,
    userNamespace: namespace ?? null,
  };
  const [...mounted] = unwrap(await native().mountOverlay(spec, false));
  mounted[8] = mounted[8].filter(({ reason }) => reason !== expected);
  return overlayOf(spec, mounted);
}

/** Like `mountOverlay`, blocking. */
export function mountOverlaySync(
  options: MountOptions & { readonly target: PathLike },
): AttachedOverlay;
export function mountOverlaySync(options: MountOptions): Overlay;
export function mountOverlaySync(options: MountOptions): Overlay {
  const spec = specOf(options);
  return overlayOf(spec, unwrap(native().mountOverlay(spec, true)));
}
