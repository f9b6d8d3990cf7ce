/**
 * Mounting by the interface of the suite: the tests of mounting run once with each of the kernel's two.
 * A test that names one itself is left alone.
 */
import { setTimeout } from 'node:timers/promises';
import type { AttachedOverlay, MountOptions, Overlay, PathLike } from 'overlayfs';
import * as overlayfs from 'overlayfs';
import { OverlayError } from 'overlayfs';

type Attached = MountOptions & { readonly target: PathLike };

/** The newer one, unless the suite is for the other. */
export const byMount: boolean = process.env.OVERLAYFS_TEST_INTERFACE === 'mount';

/** The options with the interface of the suite. */
export function here<Options extends MountOptions>(options: Options): Options {
  return { interface: byMount ? 'mount' : 'fsopen', ...options };
}

export function mountOverlay(options: Attached): Promise<AttachedOverlay>;
export function mountOverlay(options: MountOptions): Promise<Overlay>;
export function mountOverlay(options: MountOptions): Promise<Overlay> {
  return overlayfs.mountOverlay(here(options));
}

export function mountOverlaySync(options: Attached): AttachedOverlay;
export function mountOverlaySync(options: MountOptions): Overlay;
export function mountOverlaySync(options: MountOptions): Overlay {
  return overlayfs.mountOverlaySync(here(options));
}

/**
 * Closes what others have a copy of: other tests of the same mount namespace unshare it, and an upper that is
 * finished with stays until they have ended.
 */
export async function closeAtLast(overlay: Overlay): Promise<void> {
  for (;;) {
    try {
      await overlay.close();
      return;
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code !== 'EBUSY') throw error;
      await setTimeout(50);
    }
  }
}
