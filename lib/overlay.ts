import { absolutePath, optionalBoolean, optionsObject } from './arguments.ts';
import type { Changes, ChangesOptions } from './changes.ts';
import { changes } from './changes.ts';
import { argumentValue } from './errors.ts';
import { umountFlags } from './mount-flags.ts';
import type { MountOptions } from './mount-options.ts';
import { specOf } from './mount-options.ts';
import type { LayersHandle, NativeMounted, NativeSpec } from './native.ts';
import { native, unwrap } from './native.ts';
import { holdLayers } from './opened-layers.ts';

export interface CloseOptions {
  /** Detach the mount at once even if it is in use (MNT_DETACH); its users keep their files. */
  readonly lazy?: boolean;
}

const warningTexts: Readonly<Record<string, string>> = {
  'upper-owner':
    'the new upper could not be given the owner of the lower, so the root of the overlay has another one',
  'upper-xattrs':
    'not every extended attribute of the lower could be given to the new upper, so the root of the overlay lacks some',
};

/** Known in this file only: JavaScript has no private constructors. */
const key = Symbol('mountOverlay');
let overlayOf: (spec: NativeSpec, mounted: NativeMounted) => Overlay;

/** A mounted overlay. Made by `mountOverlay`; `close()` unmounts it. */
export class Overlay implements AsyncDisposable, Disposable {
  /** The mount point, resolved. */
  readonly path: string;
  readonly pathBytes: Buffer;
  /** Top-most first, as named when mounting, made absolute. */
  readonly lower: readonly string[];
  readonly lowerBytes: readonly Buffer[];
  readonly upper: string | undefined;
  readonly upperBytes: Buffer | undefined;
  readonly work: string | undefined;
  readonly workBytes: Buffer | undefined;
  /** Whether the marks are in `user.*` attributes. */
  readonly userxattr: boolean;
  /** Of the kernel: never used twice from Linux 6.8 on. */
  readonly mountId: bigint;
  /** What could not be done as it should, as sentences. */
  readonly warnings: readonly string[];
  readonly #mounted: NativeMounted;
  #closing: Promise<void> | undefined;
  #closingFlags = 0;
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
    this.#mounted = mounted;
    this.path = mounted.target.toString();
    this.pathBytes = mounted.target;
    this.lower = spec.lower.map(String);
    this.lowerBytes = spec.lower;
    this.upper = spec.upper?.toString();
    this.upperBytes = spec.upper ?? undefined;
    this.work = mounted.work?.toString();
    this.workBytes = mounted.work ?? undefined;
    this.userxattr = mounted.userxattr;
    this.mountId = mounted.mountId;
    this.warnings = mounted.warnings.map((word) => warningTexts[word] ?? word);
    holdLayers(this, () => this.#layers());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Everything that is different from the lowers: `changes(overlay, options)`. */
  changes(options?: ChangesOptions): Changes {
    return changes(this, options);
  }

  /** Opened before the mount could hide them. */
  #layers(): LayersHandle {
    if (this.#closed) {
      throw Object.assign(
        new Error('The overlay is closed; name its layers to read what the upper holds'),
        { code: 'ERR_INVALID_STATE' },
      );
    }
    if (this.upper === undefined) {
      throw argumentValue(
        'source',
        'is a read-only overlay: without an upper there are no changes',
      );
    }
    return this.#mounted.layers;
  }

  /**
   * Unmounts this very mount and nothing else: not what was mounted over it since, and nothing if
   * somebody else has unmounted it. Calling it again is harmless; if it rejects (`EBUSY` while files
   * are open or a process works in it) the overlay stays open and `close` can be tried again.
   *
   * The kernel writes the whole filesystem of the upper to disk here, which can take a while.
   */
  async close(options?: CloseOptions): Promise<void> {
    const flags = closeFlags(options);
    if (this.#closed) {
      return;
    }
    if (this.#closing === undefined) {
      this.#closingFlags = flags;
      this.#closing = this.#close(flags).finally(() => {
        this.#closing = undefined;
      });
    } else if (flags !== this.#closingFlags) {
      // The one under way asks for something else: if it fails this one has its turn.
      return this.#closing.catch(() => this.close(options));
    }
    await this.#closing;
  }

  /** Like `close`, blocking. */
  closeSync(options?: CloseOptions): void {
    const flags = closeFlags(options);
    if (!this.#closed) {
      unwrap(native().unmountOwn(this.#mounted.mount, flags, true));
      this.#closed = true;
      unwrap(native().closeLayers(this.#mounted.layers, true));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async #close(flags: number): Promise<void> {
    unwrap(await native().unmountOwn(this.#mounted.mount, flags, false));
    this.#closed = true;
    unwrap(await native().closeLayers(this.#mounted.layers, false));
  }
}

function closeFlags(options: unknown): number {
  const given = optionsObject(options, 'options', ['lazy']);
  return optionalBoolean(given.lazy, 'options.lazy') ? umountFlags.MNT_DETACH : 0;
}

function attachedSpec(options: MountOptions): NativeSpec {
  const spec = specOf(options);
  absolutePath(options.target, 'options.target');
  return spec;
}

/**
 * Mounts an overlay. Needs CAP_SYS_ADMIN, which an ordinary user has in a user and mount namespace
 * of his own.
 *
 * The mount outlives the process unless it is closed. After a failure nothing is mounted, and
 * directories made on the way are removed again. What the kernel accepts but would not serve the
 * purpose (an overlay it could only mount read-only, a filesystem without extended attributes) is an
 * error as well.
 *
 * @throws OverlayError with `code`, `syscall`, `path` and, where the cause is known, `hint`.
 * @throws TypeError for wrong arguments, before anything is touched.
 * @see overlayfs.rst in the kernel's documentation, mount(2)
 */
export async function mountOverlay(options: MountOptions): Promise<Overlay> {
  const spec = attachedSpec(options);
  return overlayOf(spec, unwrap(await native().mountOverlay(spec, false)));
}

/** Like `mountOverlay`, blocking. */
export function mountOverlaySync(options: MountOptions): Overlay {
  const spec = attachedSpec(options);
  return overlayOf(spec, unwrap(native().mountOverlay(spec, true)));
}
