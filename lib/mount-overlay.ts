/** Mounting an overlay, of which an `Overlay` comes. */
import type { PathLike } from './arguments.ts';
import type { MountOptions } from './mount-options.ts';
import { specOf } from './mount-options.ts';
import { native, unwrap } from './native.ts';
import type { NamespaceHandle } from './native-namespaces.ts';
import { mountHeldBy } from './opened-layers.ts';
import type { AttachedOverlay, Overlay } from './overlay.ts';
import { overlayOf } from './overlay.ts';

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

export interface SessionMountOptions extends MountOptions {
  /** Where programs will see it. It allows no more than what is mounted there (nosuid, nodev, noexec). */
  readonly seenOn: Buffer;
  /** An overlay that programs are to see together with this one; an ordinary user's have a namespace each else. */
  readonly beside: Overlay | undefined;
  /** For the first of them, where there is one to be used. */
  readonly namespace: NamespaceHandle | undefined;
}

/** A detached overlay of a session that is locked. */
export async function mountOfSession({
  seenOn,
  beside,
  namespace,
  ...options
}: SessionMountOptions): Promise<Overlay> {
  const spec = {
    ...specOf(options),
    seenOn,
    beside: mountHeldBy(beside)?.().mount ?? null,
    userNamespace: namespace ?? null,
  };
  return overlayOf(spec, unwrap(await native().mountOverlay(spec, false)));
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
